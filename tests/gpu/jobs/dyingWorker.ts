// The engine worker that a test can end or hang from the inside.

import '../../../src/engine/worker.ts';

new BroadcastChannel('test: end the worker').onmessage = ({ data }) => {
  if (data === 'die') self.close();
  for (;;) if (data !== 'hang') return;
};
