/** How many characters of a value a message shows. */
const SHOWN = 100;
/** A shorter value is no external id that anybody would have to keep secret. */
const SECRET = 16;
/** What separates the labels of a name: the dot, and those of international names (UTS 46). */
const DOT = /[.\u3002\uff0e\uff61]/;

/**
 * Returns how a message shows a value that should be a name in DNS: in quotation marks, or only its length if it may be an external id,
 * as the function does in its own messages. The log of a build has more readers than the app's code.
 */
export function shownName(text: string): string {
  const isName = DOT.test(text) || text.startsWith('xn--');
  return !isName && mayHaveSecret(text) ? notRepeated(text) : quoted(text);
}

/** Like `shownName`, for a value that is no name in DNS, so that a dot says nothing. */
export function shownText(text: string): string {
  return mayHaveSecret(text) ? notRepeated(text) : quoted(text);
}

function mayHaveSecret(text: string): boolean {
  return text.length >= SECRET && /[0-9]/.test(text);
}

function notRepeated(text: string): string {
  return `(a value of ${[...text].length} characters, not repeated here)`;
}

function quoted(text: string): string {
  const characters = [...text];
  return JSON.stringify(characters.length > SHOWN ? `${characters.slice(0, SHOWN).join('')}...` : text);
}
