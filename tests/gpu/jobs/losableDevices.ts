// GPU devices that a test can lose in the middle of anything, in a worker that imports this first.

/** Name of the broadcast channel on which every message loses all devices. */
const LOSSES = 'test: lose the device';

const devices = new Set<GPUDevice>();
const requestDevice = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  const device = await requestDevice.call(this, descriptor);
  devices.add(device);
  // A destroyed device fails like one that the system took away, but gives another reason.
  const lost = device.lost.then(({ message }) => ({ reason: 'unknown', message }));
  Object.defineProperty(device, 'lost', { value: lost });
  return device;
};

new BroadcastChannel(LOSSES).onmessage = () => {
  for (const device of devices) device.destroy();
  devices.clear();
};
