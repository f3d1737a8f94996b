import { browserFeatures, missingFeature } from '../../../state/page/capabilities.ts';
import { ErrorCard } from '../../shell/ErrorCard.tsx';

/** Names the one thing the browser lacks, if any. */
export function CapabilityNotice() {
  const missing = missingFeature(browserFeatures());
  return missing === null ? null : <ErrorCard report={missing} severity="error" />;
}
