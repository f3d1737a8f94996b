import { type FormEvent, useState } from 'react';
import type { Prediction } from '../../../contract/spec.ts';
import { askForAddress, setToken, useDownloads } from '../../../state/model/downloads.ts';
import { chooseModelFiles } from '../../../state/model/modelChoice.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { attempt } from '../../../state/page/notices.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { Button } from '../../primitives/Button.tsx';
import { Choice } from '../../primitives/Choice.tsx';
import controls from '../../primitives/controls.module.css';
import { FilePicker } from '../../primitives/FilePicker.tsx';
import { PREDICTION_OPTIONS } from '../../words.ts';
import page from '../page.module.css';
import styles from './AddModel.module.css';

const PREDICTIONS = [{ value: 'auto', label: 'As its name suggests' }, ...PREDICTION_OPTIONS] as const;

/** Models beyond the list: by repository or address, or from files. */
export function AddModel() {
  return (
    <div className={styles.ways}>
      <FromAddress />
      <FromFiles />
    </div>
  );
}

function FromAddress() {
  const token = useDownloads((state) => state.token);
  const [address, setAddress] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (address.trim() !== '')
      void attempt(async () => {
        await askForAddress(address);
        setAddress('');
      });
  };
  return (
    <form className={styles.way} onSubmit={submit}>
      <h3>From a hub or an address</h3>
      <label className={styles.field}>
        <span>Repository or address</span>
        <input
          className={controls.textInput}
          type="text"
          inputMode="url"
          autoComplete="off"
          spellCheck={false}
          placeholder="owner/name or https://host/model/"
          aria-describedby="address-help"
          value={address}
          onChange={(event) => setAddress(event.currentTarget.value)}
        />
      </label>
      <p className={page.muted} id="address-help">
        A Hugging Face repository, or any https address of a folder in diffusers layout or of a .safetensors
        checkpoint. Its host must let other sites read it (CORS).
      </p>
      <label className={styles.field}>
        <span>Access token, only for models that ask for one</span>
        <input
          className={controls.textInput}
          type="password"
          autoComplete="off"
          placeholder="hf_…"
          aria-describedby="token-help"
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
        />
      </label>
      <p className={page.muted} id="token-help">
        Kept in memory until this page is closed, never stored, and sent to the hub alone.
      </p>
      <Button type="submit" disabled={address.trim() === ''}>
        Look it up
      </Button>
    </form>
  );
}

function FromFiles() {
  const busy = useRuns((state) => state.activity !== 'idle');
  const loading = useEngine((state) => state.status === 'loading' || state.status === 'opening');
  const [prediction, setPrediction] = useState<Prediction | 'auto'>('auto');
  const expected = prediction === 'auto' ? null : prediction;
  return (
    <div className={styles.way}>
      <h3>From this computer</h3>
      <div className={styles.drop}>
        <p>
          <strong>Drop a model here, or anywhere on this page</strong>
        </p>
        <p className={page.muted}>
          A folder in diffusers layout, or one .safetensors checkpoint of Stable Diffusion 1.x or 2.x (with
          vocab.json and merges.txt beside it, or these two are fetched). 32 or 16 bits.
        </p>
        <div className={styles.buttons}>
          <FilePicker
            label="Model folder"
            text="Choose folder"
            folder
            disabled={busy || loading}
            onFiles={(files) => void chooseModelFiles(files, expected)}
          />
          <FilePicker
            label="Model checkpoint"
            text="Choose checkpoint"
            accept=".safetensors,.json,.txt"
            multiple
            disabled={busy || loading}
            onFiles={(files) => void chooseModelFiles(files, expected)}
          />
        </div>
      </div>
      <div className={styles.field}>
        <span>A checkpoint does not say what it predicts</span>
        <Choice label="What it predicts" value={prediction} options={PREDICTIONS} onChange={setPrediction} />
      </div>
      <p className={page.muted}>The files are copied into this browser; nothing is uploaded.</p>
      {busy ? <p className={page.muted}>The model cannot be changed while a run works.</p> : null}
    </div>
  );
}
