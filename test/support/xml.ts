const NAME = '[A-Za-z_:][\\w:.-]*';
const ENTITY = /&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)/;
const TAG = new RegExp(`^<(/?)(${NAME})((?:\\s+${NAME}="[^"<]*")*)\\s*(/?)>`);

/**
 * What keeps a text from being a well-formed XML document with elements, attributes and text only; null if nothing
 * does. No comments, processing instructions or CDATA: nobody here writes any.
 */
export function xmlFault(document: string): string | null {
  const open: string[] = [];
  let roots = 0;
  let rest = document.trim();
  while (rest !== '') {
    const text = /^[^<]*/.exec(rest)?.[0] ?? '';
    if (ENTITY.test(text)) return `a bare & in ${JSON.stringify(text)}`;
    if (open.length === 0 && text.trim() !== '') return `text outside of the root: ${JSON.stringify(text)}`;
    rest = rest.slice(text.length);
    if (rest === '') break;
    const tag = TAG.exec(rest);
    if (!tag) return `no tag: ${JSON.stringify(rest.slice(0, 60))}`;
    const [whole, closes, name = '', attributes = '', empty] = tag;
    if (ENTITY.test(attributes)) return `a bare & in ${whole}`;
    const keys = [...attributes.matchAll(new RegExp(`(${NAME})="`, 'g'))].map(([, key]) => key);
    if (new Set(keys).size !== keys.length) return `an attribute twice in ${whole}`;
    if (closes === '/') {
      if (open.pop() !== name) return `</${name}> closes what is not open`;
    } else {
      if (open.length === 0) roots++;
      if (empty !== '/') open.push(name);
    }
    rest = rest.slice(whole.length);
  }
  if (open.length > 0) return `<${open.at(-1)}> is not closed`;
  return roots === 1 ? null : `${roots} roots`;
}
