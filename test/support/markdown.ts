/** A link or picture of a page, with the number of its line. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

/** The links and pictures in a page of Markdown; not those in code and comments, and not plain addresses. */
export function linksOf(page: string): Link[] {
  return withoutCode(page).flatMap((text, index) =>
    [...text.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => ({ target, line: index + 1 })),
  );
}

/** The anchors of a page in their order: those that GitHub gives to headings, and those that it sets itself (`<a id>`). */
export function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>();
  return proseOf(page).flatMap((text) => {
    const own = /<a id="([^"]+)">/.exec(text)?.[1];
    if (own !== undefined) return [own];
    const heading = /^#{1,6} +(.+?) *$/.exec(text)?.[1];
    if (heading === undefined) return [];
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    return [before === 0 ? anchor : `${anchor}-${before}`];
  });
}

/** The texts of a page's blocks of code in this language. */
export function codeOf(page: string, language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code = '']) => code,
  );
}

function withoutCode(page: string): string[] {
  return proseOf(page).map((text) => text.replace(/`[^`]*`/g, ''));
}

/** The lines of a page; those of comments and of blocks of code are empty. */
export function proseOf(page: string): string[] {
  const emptied = (text: string): string => text.replace(/[^\n]/g, '');
  return page
    .replace(/^ *```[\s\S]*?^ *```/gm, emptied)
    .replace(/<!--[\s\S]*?-->/g, emptied)
    .split('\n');
}
