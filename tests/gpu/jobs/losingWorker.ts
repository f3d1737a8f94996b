// The engine worker with GPU devices that a test can lose.

import './losableDevices.ts';

import '../../../src/engine/worker.ts';
