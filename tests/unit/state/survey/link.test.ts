import { describe, expect, it } from 'vitest';
import { readAddress, surveyAddress, surveyLink } from '../../../../src/state/survey/link.ts';

const PAGE = 'https://studio.example/app/index.html#x';

describe('a link to a survey', () => {
  it.each(['https://host.example/a b.zip?x=1&y=2#z', 'packs/colors.zip', ''])(
    'keeps the address %j',
    (address) => {
      const link = surveyLink(address, PAGE);
      expect(link.startsWith('https://studio.example/app/index.html#survey=')).toBe(true);
      expect(surveyAddress(new URL(link).hash)).toBe(address);
    },
  );

  it('is no other link', () => {
    expect(surveyAddress('#v=1&page=settings')).toBeNull();
    expect(surveyAddress('')).toBeNull();
  });
});

describe('the address of a pack', () => {
  it('may be beside the page or on another server, which is named', () => {
    expect(readAddress('packs/a.zip', PAGE)).toEqual({
      url: 'https://studio.example/app/packs/a.zip',
      host: null,
    });
    expect(readAddress('https://host.example/a.zip', PAGE).host).toBe('host.example');
    expect(readAddress('//host.example/a.zip', PAGE).host).toBe('host.example');
  });

  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'https://me:pw@host.example/',
    'http://[',
  ])('is not %s', (address) => expect(() => readAddress(address, PAGE)).toThrow(/no survey/));
});
