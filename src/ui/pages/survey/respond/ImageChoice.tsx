import type { PixelImage } from '../../../../contract/events.ts';
import { toggle } from '../../../../state/survey/respondent.ts';
import { Icon } from '../../../primitives/Icon.tsx';
import { Picture } from '../../../primitives/Picture.tsx';
import styles from './RoundView.module.css';

type ImageChoiceProps = {
  readonly place: number;
  /** Null while it is unpacked. */
  readonly image: PixelImage | null;
  readonly selected: boolean;
};

/** An image that is selected or not; its number is its key. */
export function ImageChoice({ place, image, selected }: ImageChoiceProps) {
  return (
    <button
      type="button"
      className={styles.image}
      data-image
      aria-pressed={selected}
      onClick={() => toggle(place)}
    >
      <span className="visually-hidden">Image {place + 1}</span>
      <Picture image={image} alt="" crisp={image !== null && image.width < 200} />
      <span className={styles.mark} aria-hidden="true">
        <span className={styles.digit}>{place + 1}</span>
        {selected ? (
          <>
            <Icon name="check" /> Selected
          </>
        ) : (
          'Select'
        )}
      </span>
    </button>
  );
}
