import { GROUP_NAMES } from '../../../contract/settings.ts';
import { attempt, confirmDone } from '../../../state/page/notices.ts';
import { exportRunFile } from '../../../state/run/exports.ts';
import { settingsLink } from '../../../state/setup/address.ts';
import { openRunFile } from '../../../state/setup/dropped.ts';
import { promptTexts, usePrompts } from '../../../state/setup/prompts.ts';
import { buildSpec, useSettings } from '../../../state/setup/settings.ts';
import { Button } from '../../primitives/Button.tsx';
import { FilePicker } from '../../primitives/FilePicker.tsx';
import { saveFile } from '../../saveFile.ts';
import { PageHead } from '../PageHead.tsx';
import page from '../page.module.css';
import { ForecastTable } from '../start/ForecastTable.tsx';
import { PresetChoice } from '../start/PresetChoice.tsx';
import { FieldGroup } from './FieldGroup.tsx';
import { GeneralFields } from './GeneralFields.tsx';
import { MethodChoice } from './MethodChoice.tsx';
import { MetricChoices } from './MetricChoices.tsx';
import { RealImages } from './RealImages.tsx';

/** Everything that the next run will do, with ways to share it. */
export function SettingsPage() {
  const copyLink = () =>
    attempt(async () => {
      await navigator.clipboard.writeText(settingsLink());
      confirmDone('Link copied. It holds the settings, not the prompts.');
    });
  const save = () =>
    attempt(async () => {
      const spec = buildSpec(useSettings.getState(), promptTexts(usePrompts.getState().list));
      saveFile(await exportRunFile(spec, null, __APP_VERSION__));
    });
  return (
    <>
      <PageHead title="Settings" lead="For the next run. An open run keeps the settings it was started with.">
        <Button onClick={() => void copyLink()}>Copy link</Button>
        <Button onClick={() => void save()}>Save run file</Button>
        <FilePicker
          label="Run file"
          text="Load run file"
          accept=".json"
          onFiles={([first]) => first && void attempt(() => openRunFile(first.path, first.file))}
        />
      </PageHead>
      <div className={page.split}>
        <div>
          <MethodChoice />
          {GROUP_NAMES.map((group) => (
            <FieldGroup key={group} group={group} />
          ))}
          <RealImages />
          <MetricChoices />
          <GeneralFields />
        </div>
        <div className={page.aside}>
          <h2>Start from a preset</h2>
          <br />
          <PresetChoice />
          <br />
          <h2>Cost</h2>
          <ForecastTable />
        </div>
      </div>
    </>
  );
}
