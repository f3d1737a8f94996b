import { chooseTheme, type Theme, useTheme } from '../../state/page/theme.ts';
import { Icon, type IconName } from '../primitives/Icon.tsx';
import styles from './Rail.module.css';

const THEMES = [
  { value: 'system', label: 'Same colors as the system', icon: 'auto' },
  { value: 'light', label: 'Light colors', icon: 'sun' },
  { value: 'dark', label: 'Dark colors', icon: 'moon' },
] as const satisfies readonly { value: Theme; label: string; icon: IconName }[];

export function ThemeSwitch() {
  const theme = useTheme((state) => state.theme);
  return (
    <fieldset className={styles.group}>
      <legend className="visually-hidden">Colors</legend>
      {THEMES.map(({ value, label, icon }) => (
        <button
          key={value}
          type="button"
          className={styles.option}
          aria-label={label}
          aria-pressed={theme === value}
          title={label}
          onClick={() => chooseTheme(value)}
        >
          <Icon name={icon} />
        </button>
      ))}
    </fieldset>
  );
}
