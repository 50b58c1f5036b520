/** One event of a stream. */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
}

/**
 * Reads `text/event-stream` as it arrives, in any pieces. Lines end in LF or CRLF, not in a CR alone, which Parlor never sends. Ids and `retry` are not needed: frames carry their seq, and when
 * to come back is decided elsewhere.
 */
export function eventReader(take: (event: StreamEvent) => void): (piece: string) => void {
  let rest = '';
  let type = '';
  let data: string[] = [];
  const line = (text: string): void => {
    if (text === '') {
      if (data.length > 0) take({ type: type || 'message', data: data.join('\n') });
      type = '';
      data = [];
      return;
    }
    const [, field, value = ''] = /^(data|event)(?:: ?(.*))?$/.exec(text) ?? [];
    if (field === 'data') data.push(value);
    else if (field) type = value;
  };
  return (piece) => {
    rest += piece;
    const lines = rest.split(/\r?\n/);
    rest = lines.pop() ?? '';
    lines.forEach(line);
  };
}
