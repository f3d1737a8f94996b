// The engine worker with GPU devices that run out of memory.

import './poorDevices.ts';

import '../../../src/engine/worker.ts';
