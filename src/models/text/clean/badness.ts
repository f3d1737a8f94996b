/**
 * Whether a text looks like mojibake, UTF-8 read in another encoding: the heuristic of ftfy 6 (badness.py), restated as
 * neighborhoods of kinds of characters that hardly ever stand together on purpose.
 */

const KINDS = {
  common: '\\xa0\\xad\\xb7\\xb4\\u2013\\u2014\\u2015\\u2026\\u2019',
  c1: '\\x80-\\x9f',
  /** Almost never meant. */
  bad: '\\xa6\\xa4\\xa8\\xac\\xaf\\xb8ƒˆˇ˘˛˜†‡‰⌐◊\\ufffdªº',
  law: '¶§',
  currency: '¢£¥₧€',
  opening: '¡«¿©\\u0384\\u0385\\u2018\\u201a\\u201c\\u201e•\\u2039\\uf8ff',
  closing: '®»\\u02dd\\u201d\\u203a™',
  numeric: '²³¹±¼½¾×µ÷\\u2044∂∆∏∑√∞∩∫≈≠≡≤≥№',
  /** Letters that faces are made of. */
  face: 'Ò-ÖÙ-Üò-öø-üŐŌŪŲ°',
  upper: 'À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ',
  lower: 'ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ',
  upperCommon: 'ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я',
  lowerCommon: 'α-ωάέήίΰа-џ',
  box: '│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓',
} as const;

type Kind = keyof typeof KINDS;

/** A class of one or more kinds, and of characters given as they are. */
const any = (kinds: readonly Kind[], characters = ''): string =>
  `[${kinds.map((kind) => KINDS[kind]).join('')}${characters}]`;

const MEANT: readonly Kind[] = ['box', 'opening', 'closing', 'currency', 'numeric', 'law'];
const LETTERS: readonly Kind[] = ['lower', 'upper'];
const SPACE = '[\\s\\x1c-\\x1f\\x85]';
const WORD = '[\\p{L}\\p{N}_]';
const SYMBOLS: readonly Kind[] = ['common', 'currency', 'bad', 'numeric', 'opening'];

const NEIGHBORS: readonly string[] = [
  any(['c1']),
  any(['bad', ...LETTERS, ...MEANT]) + any(['bad']),
  `[a-zA-Z]${any(['lowerCommon', 'upperCommon'])}${any(['bad'])}`,
  any(['bad']) + any([...LETTERS, ...MEANT]),
  any(['lower', 'lowerCommon', 'box', 'closing', 'currency', 'numeric']) + any(['upper']),
  any(['box', 'closing', 'currency', 'numeric']) + any(['lower']),
  any(['lower', 'box', 'closing']) + any(['currency']),
  SPACE + any(['upper']) + any(['currency']),
  any(['upper', 'box']) + any(['numeric', 'law']),
  any([...LETTERS, 'box', 'currency', 'closing']) + any(['opening']) + any(['numeric']),
  any([...LETTERS, 'currency', 'numeric', 'box', 'law']) + any(['closing']) + any(['opening']),
  any(['currency', 'numeric', 'box']) + any(['opening']),
  `[a-z]${any(['upper'])}${any(['opening', 'currency'])}`,
  any(['box']) + any(['face']),
  any([...LETTERS, 'currency', 'numeric', 'opening', 'closing', 'law']) + any(['box']),
  any(['box']) + any(['closing']),
  any(LETTERS) + any(['opening', 'closing']) + WORD,
  '[Œœ][^A-Za-z]',
  `${any(['upper'])}°`,
];

/** Well-known remains of one encoding or another. */
const REMAINS: readonly string[] = [
  // windows-1252
  `[ÂÃÎÐ]${any(['opening', 'closing'], '€œŠš¢£Ÿž\\xa0\\xad®©°·»\\u2013\\u2014\\xb4')}`,
  '×[²³]',
  `[ØÙ]${any(SYMBOLS, 'ŸŠ®°µ»')}[ØÙ]${any(SYMBOLS, 'ŸŠ®°µ»')}`,
  'à[²µ¹¼½¾]',
  'Ã[\\xa0¡]',
  `[a-z]${SPACE}?[ÃÂ][ ]`,
  '^[ÃÂ][ ]',
  `${any(['closing'], 'a-z.,?!')}Â${any(['opening', 'closing'], ' ')}`,
  // MacRoman
  '√[±∂†≠®™\\xb4≤≥¥µø]',
  '≈[°¢]',
  '\\u201aÄ[ìîïòôúùû†°¢π]',
  '\\u201a[âó][àä°ê]',
  // windows-1251
  'вЂ',
  `[ВГРС]${any(['c1', 'bad', 'opening', 'closing', 'currency'], '°µ')}[ВГРС]`,
  'ГўВЂВ.[A-Za-z ]',
  // windows-1253
  'β€[™\\xa0Ά\\xad®°]',
  `[ΒΓΞΟ]${any(['c1', 'bad', 'opening', 'closing', 'currency'], '°')}[ΒΓΞΟ]`,
  // windows-1257
  'ā€',
];

const BAD = new RegExp([...NEIGHBORS, ...REMAINS].join('|'), 'u');

/** Whether a text has sequences that only a wrong decoding makes. */
export function looksLikeMojibake(text: string): boolean {
  return BAD.test(text);
}
