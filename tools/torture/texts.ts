// What docs/reliability.md says beside the figures.

/** What the figures are of. */
export const FIGURES =
  'The figures are of a few hours on two cores that others worked on too: more minutes make the tables longer. The short form in ' +
  '`npm test` kills in the middle of a run, a download, an import, an export and a migration, and has every fault once.';

export const FOUND: readonly string[] = [
  'A selected image or the last training state damaged while a run was paused: the run was stuck, and the remedy that was named could not be followed. Before a stage relies on the pool or on an adapter, what is missing is drawn, scored or trained again.',
  'Candidates without scores after a power cut were left out without a word (15 of 16 images, once none). They are scored again from what was stored of them.',
  'Warnings about damage were dropped by whoever opened a pool first. They are kept with the run, and shown.',
  'One flipped bit in a stored training state ended in another adapter, reported as done. Every record, training state, preview and image has a checksum; the last three states and the best are kept.',
  'Browsers empty a database that they find damaged: all runs were gone. A second copy of every record lies beside the images; such runs are offered for recovery (`tests/unit/jobs/damage.test.ts`, `tests/e2e/recover.test.ts`).',
  'Weights that changed at their address, or on the disk, between two sittings went unnoticed. What is read of a model is hashed, kept with the run and compared.',
  'A wrong answer to a request for the rest of a file left bytes that the next attempt completed. They are taken back.',
  'Another tab could delete or change a run that was worked on. Everything that writes a run holds its lock.',
  'An engine that died or hung was never noticed. It is started again, and the run goes on (`tests/gpu/jobs/engineDeath.test.ts`, `tests/e2e/manners.test.ts`).',
  '`mitune` waited without end for a browser that had died, refused a profile whose browser had been killed, and did not say that nothing was better than the start (`tests/e2e/mitune.test.ts`).',
  'Training on a changed selection replaced the adapter, its evaluation and its previews. Every version keeps its own.',
  'Found by the power cuts: a write torn between the head of a training state and the state itself left a new head before an old state, both with right checksums (about one case in 500). The two are now bound by a number.',
  'Found by the power cuts: a run found again behind its training, with the last states lost, was taken for trained.',
  'Files of one name in different folders of a model at an address shared one hash, of whichever was read last: its UNet could change unnoticed. Hashes go by the path below the model’s folder, and small files are hashed whole.',
  'A GPU without memory was told as “rejected an operation”, or, where the buffer was to be written to at once, ended the run with the browser’s own words. It is told as what it is, and the run goes on from what is stored on a new device.',
  'Found by clearing the storage while a run draws: Chromium never answers a write to an open file that was cleared, which blocked the engine until it was taken for hung, ten minutes later. Looking whether the database was gone was not enough: the failed run had made it anew by then, or the files alone were cleared. A mark lies in both stores; the page looks for it every ten seconds, says what happened and starts another engine.',
  'Found by clearing the files between two sittings: an engine whose page is gone holds its run for some seconds more, and the run was told to be open in another tab. Whose page is gone is known by its locks, and is waited for; so are downloads that a reload cut off. Chromium’s own lock on a file that was cleared in the middle of a write stays until the browser ends, long after the engine: files are held by names, which end with it, and Chromium’s lock is shared.',
  '`npm run fuzz` took a case for a fault whenever its process was ended from outside, and lost what it had found before that. A fault is what happens again, and is told at once.',
  'Hours in one tab: the nodes and listeners that grew with every run were held by the testing tool’s own handles; without them they are flat. Pictures of deleted runs stayed in the page’s memory until 192 MB were full; they go with the run. The heap grew by some 150 KB a run all the same: heap snapshots say compiled code and the browser’s own lists; what scripts made is the same after run 8 as after run 2.',
  'A server that fell silent while a download was planned was waited for without end. It is asked again, and told of.',
  'A selection was taken for one that nothing was made from where its training states alone were lost: another set took its evaluation and its previews. What was made keeps its version.',
  'Found by random damage to everything that is stored (flipped bits, cut, emptied, exchanged and removed files, damaged and removed records, up to four at once in 91 runs): all came to the same end, but nothing was said where a whole pool was gone or an image drawn while training went on was damaged, and one that was due when a run stopped was never drawn. It is, both.',
];

export const NOT_PROMISED: readonly string[] = [
  'That a browser keeps what it stores: under pressure it may evict all of a page unless it granted persistence, and the user can clear it. What was downloaded is safe from both.',
  'That a disk which lies about what it has written keeps the newest: what such a disk lost is computed again, at the cost of the time.',
  'The same bits after a change of backend, GPU, driver or version of the page: the run says so and goes on.',
  'What disks do below the browser: power cuts are simulated at the border between this program and the browser’s stores, and under a disk in memory. No machine was switched off.',
  'That both backends agree on every image: one in a hundred of the first round is computed again on the other one, as far as 1.5 % of the time allows, and a large model only where it lies in the browser and the machine has 8 GB.',
  'Damage to both copies of a record at once, or to the settings and the prompts in them: nothing else holds these.',
];

export const OTHERS: readonly (readonly [string, string, string])[] = [
  [
    'SQLite',
    'a transaction is there whole or not at all after a crash or a power cut, where the disk flushes when it is told to; a page is not checked against flipped bits unless a checksum extension is loaded',
    'the same for each store; every value is checked; where the two stores disagree the run is brought in accord',
  ],
  [
    'OneTrainer',
    'backups at intervals and a sample of settings, from which training goes on',
    'a state at least every 30 s and at every validation; the last three and the best; every step after that is trained again to the same bits',
  ],
  [
    'PyTorch checkpoints (`torch.save`)',
    'a zip file with checksums of its entries; that it is complete, that the old one is kept and that the order of data goes on is left to the program',
    'states are never overwritten before a newer one is safe, and say what is needed to go on',
  ],
];
