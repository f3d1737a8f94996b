import { beforeEach, expect, it } from 'vitest';
import { useNotices } from '../../../../src/state/page/notices.ts';
import {
  addAnswers,
  forgetAnswerFiles,
  renameGroup,
  useAnswers,
} from '../../../../src/state/survey/answers.ts';

const file = (path: string, flags: string) => ({
  path,
  file: new Blob([`prompt,mi,hps\n"a cat",${flags}`]),
});
const groups = () => useAnswers.getState().files.map(({ name, group }) => [name, group]);
const codes = () => useNotices.getState().alerts.map(({ report }) => report.code);

beforeEach(() => {
  forgetAnswerFiles();
  useNotices.setState({ alerts: [] });
});

it('a folder is a group, and so is each choice of files without one', async () => {
  await addAnswers([file('x/academics/answer_1.csv', 'True,False'), file('answer_2.csv', 'True,True')]);
  await addAnswers([file('answer_3.csv', 'False,False')]);
  expect(groups()).toEqual([
    ['answer_1.csv', 'academics'],
    ['answer_2.csv', 'group 1'],
    ['answer_3.csv', 'group 2'],
  ]);
  renameGroup('group 2', ' academics ');
  renameGroup('group 1', ' ');
  expect(groups().map(([, group]) => group)).toEqual(['academics', 'group 1', 'academics']);
});

it('a file that is there already is not counted twice, another survey of the same name is', async () => {
  await addAnswers([file('answer_1.csv', 'True,False'), file('again/answer_1.csv', 'True,False')]);
  await addAnswers([file('answer_1.csv', 'True,False'), file('answer_1.csv', 'True,True')]);
  expect(useAnswers.getState().files).toHaveLength(2);
  expect(codes()).toEqual([]);
});

it('what cannot be used is named and leaves the rest', async () => {
  await addAnswers([
    file('answer_1.csv', 'True,False'),
    { path: 'answer_2.csv', file: new Blob(['hello']) },
    { path: 'answer_3.csv', file: new Blob(['prompt,mi,blip\n"a cat",True,True']) },
    file('answer_4.csv', 'False,True'),
  ]);
  expect(groups().map(([name]) => name)).toEqual(['answer_1.csv', 'answer_4.csv']);
  expect(codes()).toEqual(['answers-malformed', 'answers-other-campaign']);
});
