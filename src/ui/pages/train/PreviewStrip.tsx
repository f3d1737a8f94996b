import { useTraining } from '../../../state/run/training.ts';
import { Picture } from '../../primitives/Picture.tsx';
import styles from './TrainPage.module.css';

/** Images drawn during training from the same noise, by step, one strip per prompt. */
export function PreviewStrip() {
  const previews = useTraining((state) => state.previews);
  if (previews.length === 0) return null;
  const prompts = [...new Set(previews.map((preview) => preview.prompt))];
  const severalRounds = new Set(previews.map((preview) => preview.round)).size > 1;
  return (
    <section className={styles.section}>
      <h2>Previews</h2>
      <p className={styles.lead}>Drawn from the same noise each time.</p>
      <div className={styles.sheet}>
        {prompts.map((prompt) => (
          <div key={prompt} className={styles.row}>
            <h3>{prompt}</h3>
            <ol className={styles.strip}>
              {previews
                .filter((preview) => preview.prompt === prompt)
                .map(({ round, step, image }) => (
                  <li key={`${round}/${step}`}>
                    <Picture image={image} alt={`${prompt}, after step ${step}`} />
                    <span>{severalRounds ? `${round + 1}: ${step}` : `step ${step}`}</span>
                  </li>
                ))}
            </ol>
          </div>
        ))}
      </div>
    </section>
  );
}
