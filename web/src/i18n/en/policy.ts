export const policy = {
  checking: 'Checking…',
  notChecked: 'Not checked: the server cannot be reached. What you have typed is still here.',
  empty: {
    REGISTRY: 'No policy: nothing is allowed by it.',
    REPOSITORY: 'No policy: nothing is allowed by it.',
    LIFECYCLE: 'No policy: every image stays.',
  },
  valid: 'No problems found',
  position: (line: number, column: number) => `Line ${line}, column ${column}`,
  length: (length: number, most: number) => `${length.toLocaleString('en')} of ${most.toLocaleString('en')} characters`,
  tooLong: (length: number, most: number) =>
    `A policy has at most ${most.toLocaleString('en')} characters, this one ${length.toLocaleString('en')}.`,
  format: 'Format',
  json: {
    end: 'The text ends too early: a bracket or a quotation mark is not closed.',
    value: 'A value is missing here: a string in double quotation marks, {…}, […], a number, true, false or null.',
    name: 'A name in double quotation marks is missing here. After the last member there is no comma.',
    twice: 'This name stands in the object already.',
    colon: 'A colon is missing here, between the name and its value.',
    comma: 'A comma or a closing bracket is missing here.',
    string: 'The string is not closed on this line.',
    escape: 'A backslash stands only before " \\ / b f n r t, or u and four hexadecimal digits.',
    after: 'The policy ends before this; what follows is too much.',
    depth: 'Brackets are nested too deep.',
  },
};
