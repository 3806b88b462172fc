// Finds the first place where a text stops being JSON, alike in every browser.

export type JSONProblemKind =
  'end' | 'value' | 'name' | 'twice' | 'colon' | 'comma' | 'string' | 'escape' | 'after' | 'depth';

export interface JSONProblem {
  kind: JSONProblemKind;
  /** Index into the text. */
  offset: number;
}

/** Deeper texts are no policies, and would exhaust the stack. */
const maxDepth = 64;

const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

class Found extends Error {
  constructor(readonly problem: JSONProblem) {
    super(problem.kind);
  }
}

/** Undefined if the text is one JSON value, and no object in it has a member twice. */
export function findJSONProblem(text: string): JSONProblem | undefined {
  let at = 0;
  const fail = (kind: JSONProblemKind): never => {
    throw new Found({ kind: at >= text.length ? 'end' : kind, offset: Math.min(at, text.length) });
  };
  const space = () => {
    while (at < text.length && ' \t\r\n'.includes(text[at]!)) {
      at++;
    }
  };
  const string = () => {
    for (at++; text[at] !== '"'; at++) {
      if (at >= text.length || text[at]! < ' ') {
        fail('string');
      }
      if (text[at] === '\\') {
        at++;
        if (text[at] === 'u' && /^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5))) {
          at += 4;
        } else if (!'"\\/bfnrt'.includes(text[at] ?? ' ')) {
          fail('escape');
        }
      }
    }
    at++;
  };
  const items = (close: '}' | ']', item: () => void) => {
    at++;
    space();
    if (text[at] === close) {
      at++;
      return;
    }
    for (;;) {
      item();
      space();
      if (text[at] === close) {
        at++;
        return;
      }
      if (text[at] !== ',') {
        fail('comma');
      }
      at++;
    }
  };
  const value = (depth: number) => {
    space();
    if (depth > maxDepth) {
      fail('depth');
    }
    switch (text[at]) {
      case '{': {
        const names = new Set<string>();
        return items('}', () => {
          space();
          if (text[at] !== '"') {
            fail('name');
          }
          const begin = at;
          string();
          const name = JSON.parse(text.slice(begin, at)) as string;
          if (names.has(name)) {
            at = begin;
            fail('twice');
          }
          names.add(name);
          space();
          if (text[at] !== ':') {
            fail('colon');
          }
          at++;
          value(depth + 1);
        });
      }
      case '[':
        return items(']', () => value(depth + 1));
      case '"':
        return string();
    }
    literal.lastIndex = at;
    const length = literal.exec(text)?.[0].length ?? 0;
    if (length === 0) {
      fail('value');
    }
    at += length;
  };
  try {
    value(0);
    space();
    if (at < text.length) {
      fail('after');
    }
    return undefined;
  } catch (error) {
    if (error instanceof Found) {
      return error.problem;
    }
    throw error;
  }
}

/** Line and column of an index, from 1; columns count characters, as the server does. */
export function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: [...before.at(-1)!].length + 1 };
}

/** The index of a line and column; the end of the line if it is shorter, of the text if there are fewer. */
export function offsetOf(text: string, line: number, column: number): number {
  const lines = text.split('\n');
  if (line > lines.length) {
    return text.length;
  }
  const before = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0);
  return before + [...lines[line - 1]!].slice(0, column - 1).join('').length;
}
