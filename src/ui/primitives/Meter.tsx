import { Progress } from '@base-ui/react/progress';
import styles from './Meter.module.css';

type MeterProps = { readonly label: string; readonly share: number | null; readonly text?: string };

/** How far something is; `null` while that is not known. */
export function Meter({ label, share, text }: MeterProps) {
  return (
    <Progress.Root
      className={styles.meter}
      value={share === null ? null : Math.round(share * 100)}
      aria-label={label}
      {...(text === undefined ? {} : { 'aria-valuetext': text })}
    >
      <Progress.Track className={styles.track}>
        <Progress.Indicator className={styles.fill} />
      </Progress.Track>
    </Progress.Root>
  );
}
