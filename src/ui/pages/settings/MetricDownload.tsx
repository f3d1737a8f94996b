import { type MetricModel, metricModelId } from '../../../sources/metricModels.ts';
import { askForModel, useDownloads } from '../../../state/model/downloads.ts';
import { importMetric } from '../../../state/setup/metrics.ts';
import { formatBytes } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { FilePicker } from '../../primitives/FilePicker.tsx';
import { DownloadOffer } from '../model/DownloadOffer.tsx';
import { DownloadProgress } from '../model/DownloadProgress.tsx';

/** The network of a metric: what its download would bring, its license, and its progress; or files that are here. */
export function MetricDownload({ model }: { readonly model: MetricModel }) {
  const id = metricModelId(model.id);
  const download = useDownloads((state) => state.items.get(id));
  if (download === undefined) {
    return (
      <>
        <Button
          aria-label={`Get ${formatBytes(model.sizeBytes)}: ${model.name}`}
          onClick={() => void askForModel({ kind: 'metric', id: model.id })}
        >
          Get {formatBytes(model.sizeBytes)}
        </Button>
        <FilePicker
          label={`Files of ${model.name}`}
          text="From files"
          look="quiet"
          multiple
          onFiles={(files) => void importMetric(model.id, files)}
        />
      </>
    );
  }
  if (download.status === 'asked') return <DownloadOffer id={id} download={download} />;
  return <DownloadProgress id={id} download={download} />;
}
