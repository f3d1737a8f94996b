import { attempt, confirmDone } from '../../../state/page/notices.ts';
import type { OpenRun } from '../../../state/run/runs.ts';
import { Button } from '../../primitives/Button.tsx';
import styles from './DownloadPage.module.css';

type SnippetProps = { readonly run: OpenRun; readonly file: string };

/** How to load the adapter in diffusers. */
export function Snippet({ run, file }: SnippetProps) {
  const { model, prompts, sampling } = run.spec;
  const source = model.kind === 'url' ? model.base.replace(/\/$/, '') : 'path/to/the/model';
  const code = [
    'from diffusers import DiffusionPipeline',
    '',
    `pipe = DiffusionPipeline.from_pretrained(${JSON.stringify(source)})`,
    `pipe.load_lora_weights(".", weight_name=${JSON.stringify(file)})`,
    `image = pipe(${JSON.stringify(prompts[0] ?? '')}, guidance_scale=${sampling.guidance}).images[0]`,
  ].join('\n');
  const copy = () =>
    attempt(async () => {
      await navigator.clipboard.writeText(code);
      confirmDone('Code copied.');
    });
  return (
    <section className={styles.snippet} aria-labelledby="snippet-title">
      <div className={styles.snippetHead}>
        <h2 id="snippet-title">Use it in diffusers</h2>
        <Button size="small" onClick={() => void copy()}>
          Copy code
        </Button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <pre className={styles.code} tabIndex={0}>
        <code>{code}</code>
      </pre>
    </section>
  );
}
