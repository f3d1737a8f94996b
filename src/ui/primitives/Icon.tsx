/** Line icons, 16 x 16, drawn in the text color. Always beside words or on a control with a name. */
const PATHS = {
  check: 'M3 8.5 6.5 12 13 4.5',
  updown: 'M5 6.5 8 3.5l3 3M5 9.5l3 3 3-3',
  close: 'M4 4l8 8M12 4l-8 8',
  arrow: 'M3 8h10M9 4l4 4-4 4',
  down: 'M8 2.5v8M4.5 7 8 10.5 11.5 7M3 13.5h10',
  warning: 'M8 2.5 14.5 13.5h-13zM8 6.5v3.5M8 11.6v.6',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  sun: 'M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M3 13l1.2-1.2M11.8 4.2 13 3',
  moon: 'M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6z',
  auto: 'M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M8 2.5v11M10.2 3.2v9.6M12.2 4.9v6.2',
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration: what it stands for is always said in words beside it. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      aria-hidden="true"
    >
      <path d={PATHS[name]} strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
