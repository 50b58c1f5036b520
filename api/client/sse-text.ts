/** One event of a stream. */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
}

/**
 * Reads `text/event-stream` as it arrives, in any pieces. Ids and `retry` are not needed: frames carry their seq, and when
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
    const colon = text.indexOf(':');
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') type = value;
  };
  return (piece) => {
    rest += piece;
    // A CR at the end may be half of a CRLF.
    const lines = rest.split(/\r\n|\n|\r(?=[^])/);
    rest = lines.pop() ?? '';
    lines.forEach(line);
  };
}
