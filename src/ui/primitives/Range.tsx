import { Slider } from '@base-ui/react/slider';
import styles from './controls.module.css';

type RangeProps = {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly disabled?: boolean;
  readonly valueText: string;
  /** While moving. */
  readonly onChange: (value: number) => void;
  /** When let go. */
  readonly onCommit: (value: number) => void;
};

/** A slider with its name and value above it. */
export function Range({
  label,
  value,
  min,
  max,
  step = 1,
  disabled,
  valueText,
  onChange,
  onCommit,
}: RangeProps) {
  return (
    <Slider.Root
      className={styles.range}
      value={value}
      min={min}
      max={max}
      step={step}
      disabled={disabled ?? false}
      onValueChange={onChange}
      onValueCommitted={onCommit}
    >
      <Slider.Label className={styles.rangeLabel}>{label}</Slider.Label>
      <span className={styles.rangeValue}>{valueText}</span>
      <Slider.Control className={styles.rangeControl}>
        <Slider.Track className={styles.rangeTrack}>
          <Slider.Indicator className={styles.rangeFill} />
          <Slider.Thumb className={styles.rangeThumb} getAriaValueText={() => valueText} />
        </Slider.Track>
      </Slider.Control>
    </Slider.Root>
  );
}
