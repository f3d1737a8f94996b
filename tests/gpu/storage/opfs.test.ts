import { describe, expect, test } from 'vitest';
import { bytesOf, freshName, startWorker } from './harness.ts';

describe('files', () => {
  test('are written and read back, over older ones too', async () => {
    const { call } = startWorker();
    const path = `test/${freshName()}/a/b.bin`;
    expect(await call.readBytes(path)).toBeNull();
    await call.writeBytes(path, bytesOf('a longer first text'));
    await call.writeBytes(path, bytesOf('short'));
    expect(await call.readBytes(path)).toEqual(bytesOf('short'));
    expect(await (await call.openFile(path))?.text()).toBe('short');
    expect(await call.writePieces(path, [bytesOf('in '), bytesOf('pieces')])).toBe(9);
    expect(await call.readBytes(path)).toEqual(bytesOf('in pieces'));
  });

  test('are listed with sizes, and removed with their folder', async () => {
    const { call } = startWorker();
    const folder = `test/${freshName()}`;
    await call.writeBytes(`${folder}/z.txt`, new Uint8Array(3));
    await call.writeBytes(`${folder}/sub/a.txt`, new Uint8Array(4));
    expect(await call.listFiles(folder)).toEqual([
      { path: 'sub/a.txt', sizeBytes: 4 },
      { path: 'z.txt', sizeBytes: 3 },
    ]);
    expect(await call.sizeOf(folder)).toBe(7);
    expect(await call.sizeOf(`${folder}/z.txt`)).toBe(3);
    await call.removeTree(`${folder}/sub`);
    expect(await call.sizeOf(folder)).toBe(3);
    await call.removeTree(folder);
    await call.removeTree(folder);
    expect(await call.listFiles(folder)).toEqual([]);
    expect(await call.sizeOf(folder)).toBe(0);
  });

  test.each(['', '../a', 'a//b', 'a/./b', 'a\\b', 'c:/a', 'a/\0'])('cannot be called %j', async (path) => {
    const { call } = startWorker();
    await expect(call.writeBytes(path, new Uint8Array(1))).rejects.toMatchObject({ code: 'storage-path' });
  });

  test('and folders are not taken for each other', async () => {
    const { call } = startWorker();
    const folder = `test/${freshName()}`;
    await call.writeBytes(`${folder}/file`, new Uint8Array(5));
    expect(await call.readBytes(folder)).toBeNull();
    expect(await call.readBytes(`${folder}/file/below`)).toBeNull();
    expect(await call.listFiles(`${folder}/file`)).toEqual([]);
    expect(await call.sizeOf(`${folder}/file`)).toBe(5);
  });

  test('give ranges, also while another worker has them locked', async () => {
    const [writer, reader] = [startWorker(), startWorker()];
    const path = `runs/${freshName()}/pool-0.bin`;
    await writer.call.openPool(path, { latentSize: 1, timesteps: [], source: 'abcd' });
    const magic = bytesOf('MI-POOL\0');
    expect(await reader.call.readRange(path, 0, 8)).toEqual(magic);
    await writer.call.closePool();
    expect(await reader.call.readRange(path, 3, 4)).toEqual(magic.slice(3, 7));
    await expect(reader.call.readRange(path, 0, 10_000)).rejects.toMatchObject({
      code: 'bytes-out-of-range',
    });
    await expect(reader.call.readRange(path, -1, 2)).rejects.toMatchObject({ code: 'bytes-out-of-range' });
  });
});

describe('a write that fails', () => {
  test('leaves the old file: source breaks', async () => {
    const { call } = startWorker();
    const folder = `test/${freshName()}`;
    await call.writeBytes(`${folder}/a`, bytesOf('old'));
    await expect(call.writeAndFail(`${folder}/a`, bytesOf('new and longer'))).rejects.toThrow(
      'the source broke',
    );
    expect(await call.readBytes(`${folder}/a`)).toEqual(bytesOf('old'));
    expect(await call.sizeOf(folder)).toBe(3);
  });

  test('leaves the old file: worker ends in the middle', async () => {
    const [first, second] = [startWorker(), startWorker()];
    const folder = `test/${freshName()}`;
    await second.call.writeBytes(`${folder}/a`, bytesOf('old'));
    void first.call.writeForever(`${folder}/a`, new Uint8Array(1000));
    await expect.poll(() => second.call.sizeOf(folder)).toBe(1003);
    // Chromium may keep the file of one that has ended: whoever writes next has a file of its own.
    await second.call.writeBytes(`${folder}/a`, bytesOf('meanwhile'));
    expect(await second.call.readBytes(`${folder}/a`)).toEqual(bytesOf('meanwhile'));
    first.end();
    expect(await second.call.listFiles(folder)).toEqual([{ path: 'a', sizeBytes: 9 }]);
    // The rest that it left is used up by the next who can lock it.
    await expect
      .poll(async () => {
        await second.call.writeBytes(`${folder}/a`, bytesOf('new'));
        return second.call.sizeOf(folder);
      })
      .toBe(3);
    expect(await second.call.readBytes(`${folder}/a`)).toEqual(bytesOf('new'));
  });

  // Chromium sets no quota on handles of private windows, where tests run, so the full disk is played.
  test('leaves the old file and says how much room there is: storage full', async () => {
    const { call } = startWorker();
    const folder = `test/${freshName()}`;
    await call.writeBytes(`${folder}/a`, bytesOf('old'));
    await call.fillDisk();
    await expect(call.writeBytes(`${folder}/a`, new Uint8Array(1000))).rejects.toMatchObject({
      code: 'storage-full',
      // A browser that takes no more does not get to say that it has room.
      message: expect.stringMatching(
        /it takes no more, and counts [\d.]+ [GM]B of [\d.]+ GB as used\.( So the disk itself seems to be full\.)?$/,
      ),
      where: `${folder}/a`,
    });
    expect(await call.readBytes(`${folder}/a`)).toEqual(bytesOf('old'));
    expect(await call.sizeOf(folder)).toBe(3);
    await call.emptyDisk();
    await call.writeBytes(`${folder}/a`, bytesOf('new'));
    expect(await call.readBytes(`${folder}/a`)).toEqual(bytesOf('new'));
  });
});

test('a locked file is not removed', async () => {
  const [holder, other] = [startWorker(), startWorker()];
  const folder = `test/${freshName()}`;
  await holder.call.openPool(`${folder}/pool.bin`, { latentSize: 1, timesteps: [1], source: '' });
  await expect(other.call.removeTree(folder)).rejects.toMatchObject({ code: 'storage-in-use' });
});

test('a browser without private file system is told apart', async () => {
  const { call } = startWorker();
  await call.hideStorage();
  await expect(call.writeBytes('test/a', new Uint8Array(1))).rejects.toMatchObject({
    code: 'storage-unavailable',
  });
  expect(await call.storageReport()).toEqual({
    usedBytes: null,
    quotaBytes: null,
    freeBytes: null,
    persisted: null,
  });
});

test('the report of room adds up', async () => {
  const { call } = startWorker();
  const report = await call.storageReport();
  expect(report.freeBytes).toBe((report.quotaBytes ?? 0) - (report.usedBytes ?? 0));
  expect(report.quotaBytes).toBeGreaterThan(0);
  expect(report.persisted).toBeTypeOf('boolean');
  expect(await call.requestPersistence()).toBe(false); // workers cannot ask
});
