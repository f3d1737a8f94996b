/**
 * Undoes UTF-8 that was read in another encoding, wherever a text shows it: ftfy 6 (fix_encoding), restated. A text that
 * does not look so is left alone.
 */
import { looksLikeMojibake } from './badness.ts';
import { charactersOf, decodeUtf8, ENCODINGS, type Encoding, WINDOWS_1252 } from './encodings.ts';

/** Undoes one wrong decoding after another, until none is left. */
export function repairMojibake(text: string): string {
  let repaired = text;
  for (;;) {
    const next = repairOnce(repaired);
    if (next === repaired) return repaired;
    repaired = next;
  }
}

function repairOnce(text: string): string {
  if (!looksLikeMojibake(text)) return text;
  for (const encoding of ENCODINGS) {
    const bytes = encoding.encode(text);
    if (bytes === null) continue;
    const decoded = decodeUtf8(withLossesMarked(withSpacesRestored(bytes, encoding), encoding));
    if (decoded !== null) return decoded;
  }
  const inside = text.replace(UTF8_IN_TEXT, (part) =>
    part.length < text.length && looksLikeMojibake(part) ? repairMojibake(part) : part,
  );
  return inside === text ? readControls(text) : inside;
}

/** Controls 0x80 to 0x9f, which nobody wants, as the characters that Windows has in their place. */
export function readControls(text: string): string {
  return text.replace(/[\u0080-\u009f]/g, (c) => WINDOWS_1252.characters[c.charCodeAt(0)] as string);
}

/** UTF-8 but for a no-break space, 0xa0, that became a plain one: only where a likely character comes of it. */
const SPACE_FOR_A0 = new RegExp(
  [
    '[\\xc2\\xc3\\xc5\\xce\\xd0\\xd9] ',
    '[\\xe2\\xe3] [\\x80-\\x84\\x86-\\x9f\\xa1-\\xbf]',
    '[\\xe0-\\xe3][\\x80-\\x84\\x86-\\x9f\\xa1-\\xbf] ',
    '\\xf0 [\\x80-\\xbf][\\x80-\\xbf]',
    '\\xf0[\\x80-\\xbf] [\\x80-\\xbf]',
    '\\xf0[\\x80-\\xbf][\\x80-\\xbf] ',
  ].join('|'),
  'g',
);
/** A word of its own in French and others: its space was there beside the lost one, but for some Portuguese words. */
const A_GRAVE = /\xc3 (?! |quele|quela|quilo|s )/g;

function withSpacesRestored(bytes: string, { name }: Encoding): string {
  // In MacRoman the same bytes are a dash and a space.
  if (name === 'macintosh' || bytes.search(SPACE_FOR_A0) < 0) return bytes;
  return bytes.replace(A_GRAVE, '\xc3\xa0 ').replace(SPACE_FOR_A0, (part) => part.replace(' ', '\xa0'));
}

/** UTF-8 some of whose later bytes were lost, to replacement characters (0x1a in these bytes) or one question mark. */
const LOSSES = new RegExp(
  [
    '[\\xc2-\\xdf]\\x1a',
    '[\\xc2-\\xc3]\\?',
    '\\xed[\\xa0-\\xaf][\\x1a?]\\xed[\\xb0-\\xbf][\\x1a?\\x80-\\xbf]',
    '\\xed[\\xa0-\\xaf][\\x1a?\\x80-\\xbf]\\xed[\\xb0-\\xbf][\\x1a?]',
    '[\\xe0-\\xef][\\x1a?][\\x1a\\x80-\\xbf]',
    '[\\xe0-\\xef][\\x1a\\x80-\\xbf][\\x1a?]',
    '[\\xf0-\\xf4][\\x1a?][\\x1a\\x80-\\xbf][\\x1a\\x80-\\xbf]',
    '[\\xf0-\\xf4][\\x1a\\x80-\\xbf][\\x1a?][\\x1a\\x80-\\xbf]',
    '[\\xf0-\\xf4][\\x1a\\x80-\\xbf][\\x1a\\x80-\\xbf][\\x1a?]',
    '\\x1a',
  ].join('|'),
  'g',
);

function withLossesMarked(bytes: string, { sloppy }: Encoding): string {
  return sloppy ? bytes.replace(LOSSES, '\xef\xbf\xbd') : bytes;
}

/** Characters of later bytes that seldom stand for themselves beside mojibake: no quotes, dashes, dots. */
const LATER = charactersOf([0x80, 0xbf]);
const PUNCTUATION = '\\u2013\\u2014\\u2015\\u2018\\u2019\\u201a\\u201c\\u201d\\u201e\\u2022\\u2026';

/** What reads as sequences of UTF-8 in the middle of a text that is otherwise all right. */
const UTF8_IN_TEXT = new RegExp(
  `(?<!(?![${PUNCTUATION}])[${LATER}])(?:` +
    `[${charactersOf([0xc2, 0xdf])}][${LATER} ]|` +
    `[${charactersOf([0xe0, 0xef])}][${LATER} ]{2}|` +
    `[${charactersOf([0xf0, 0xf0], [0xf3, 0xf3])}][${LATER} ]{3})+`,
  'gu',
);
