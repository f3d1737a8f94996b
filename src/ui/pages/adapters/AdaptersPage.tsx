import { useAdapters } from '../../../state/adapters/adapters.ts';
import { attempt } from '../../../state/page/notices.ts';
import { takeAdapterFiles } from '../../../state/setup/dropped.ts';
import { FilePicker } from '../../primitives/FilePicker.tsx';
import { FormatList } from '../download/FormatList.tsx';
import { PageHead } from '../PageHead.tsx';
import page from '../page.module.css';
import { InspectControls } from './InspectControls.tsx';
import { Inspection } from './Inspection.tsx';
import { MergeForm } from './MergeForm.tsx';
import { useAdapterOptions } from './useAdapterOptions.ts';
import { WorkMeter } from './WorkMeter.tsx';

/** What is in an adapter of this page or another tool, beside another one, merged with it, in another format. */
export function AdaptersPage() {
  const options = useAdapterOptions();
  const wanted = useAdapters((state) => state.adapter);
  const facts = useAdapters((state) => state.facts);
  const busy = useAdapters((state) => state.work !== null);
  const chosen = options.find((option) => option.value === wanted)?.value ?? options[0]?.value ?? null;
  return (
    <>
      <PageHead
        title="Adapters"
        lead="LoRA and DoRA files for the loaded model, from any tool: look inside, compare, merge, or take one along in another format."
      >
        <FilePicker
          label="Adapter files"
          text="Load adapter"
          accept=".safetensors,.json"
          multiple
          disabled={busy}
          onFiles={(files) => void attempt(() => takeAdapterFiles(files))}
        />
      </PageHead>
      {options.length === 0 ? (
        <p className={page.empty}>
          None yet. Drop a .safetensors file here, with its adapter_config.json if it is peft’s, or train one.
        </p>
      ) : (
        <>
          <InspectControls options={options} chosen={chosen} />
          <WorkMeter />
          {facts === null ? null : <Inspection facts={facts} />}
          {options.length < 2 ? null : <MergeForm options={options} />}
          {chosen === null ? null : (
            <section className={page.section} aria-labelledby="formats-title">
              <h2 id="formats-title">Take it along</h2>
              <FormatList adapter={chosen} />
            </section>
          )}
        </>
      )}
    </>
  );
}
