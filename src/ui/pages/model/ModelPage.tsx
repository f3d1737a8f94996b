import { type FormEvent, useState } from 'react';
import { useEngine } from '../../../state/engine.ts';
import { chooseModel, chooseModelFolder } from '../../../state/modelChoice.ts';
import { useRuns } from '../../../state/runs.ts';
import { SHAPES_MODEL } from '../../../state/settings.ts';
import { Button } from '../../primitives/Button.tsx';
import controls from '../../primitives/controls.module.css';
import { FilePicker } from '../../primitives/FilePicker.tsx';
import { PageHead } from '../PageHead.tsx';
import page from '../page.module.css';
import { ModelFacts } from './ModelFacts.tsx';
import styles from './ModelPage.module.css';

export function ModelPage() {
  const busy = useRuns((state) => state.activity !== 'idle');
  const loading = useEngine((state) => state.status === 'loading' || state.status === 'opening');
  const [address, setAddress] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const base = address.trim();
    if (base !== '') void chooseModel({ kind: 'url', base: base.endsWith('/') ? base : `${base}/` });
  };
  return (
    <>
      <PageHead
        title="Model"
        lead="Any Stable Diffusion 1.5 or 2.1 model in diffusers layout works; the small shapes model comes with the page."
      />
      <ModelFacts />
      <section className={page.section} aria-labelledby="other-model">
        <h2 id="other-model">Use another model</h2>
        <div className={styles.ways}>
          <form className={styles.way} onSubmit={submit}>
            <label htmlFor="model-address">From an address</label>
            <input
              id="model-address"
              className={controls.textInput}
              type="url"
              placeholder="https://host/model-folder/"
              value={address}
              onChange={(event) => setAddress(event.currentTarget.value)}
            />
            <p className={page.muted}>
              The folder that holds model_index.json. The host must allow reading from other sites (CORS).
            </p>
            <Button type="submit" disabled={busy || loading || address.trim() === ''}>
              Load from address
            </Button>
          </form>
          <div className={styles.way}>
            <h3>From this computer</h3>
            <p className={page.muted}>
              A folder with model_index.json, unet, vae, text_encoder, tokenizer and scheduler; weights as
              .safetensors in 32 or 16 bits. It is copied into this browser.
            </p>
            <FilePicker
              label="Model folder"
              text="Choose folder"
              folder
              disabled={busy || loading}
              onFiles={(files) => void chooseModelFolder(files[0]?.path.split('/')[0] ?? 'model', files)}
            />
          </div>
          <div className={styles.way}>
            <h3>The built-in one</h3>
            <p className={page.muted}>
              Colored shapes on a dark ground, 64 pixels wide: a whole run takes minutes.
            </p>
            <Button disabled={busy || loading} onClick={() => void chooseModel(SHAPES_MODEL)}>
              Use the shapes model
            </Button>
          </div>
        </div>
        {busy ? <p className={page.muted}>The model cannot be changed while a run works.</p> : null}
      </section>
    </>
  );
}
