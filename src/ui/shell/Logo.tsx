/** Two quantities and what they share: the information diagram of an image and its prompt. */
export function Logo() {
  return (
    <svg
      width="30"
      height="20"
      viewBox="0 0 30 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      aria-hidden="true"
    >
      <path d="M15 3.2a8.5 8.5 0 0 1 0 13.6 8.5 8.5 0 0 1 0-13.6z" fill="var(--sheet-mark)" stroke="none" />
      <circle cx="10" cy="10" r="8.5" />
      <circle cx="20" cy="10" r="8.5" />
    </svg>
  );
}
