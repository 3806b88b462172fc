import type { Messages } from '../messages';

export const policy: Messages['policy'] = {
  checking: '確認しています…',
  notChecked: 'サーバーに接続できないため、確認できていません。入力した内容は残っています。',
  empty: {
    REGISTRY: 'ポリシーはありません。何も許可されません。',
    REPOSITORY: 'ポリシーはありません。何も許可されません。',
    LIFECYCLE: 'ポリシーはありません。すべてのイメージが残ります。',
  },
  valid: '問題はありません',
  position: (line, column) => `${line} 行 ${column} 列`,
  length: (length, most) => `${length.toLocaleString('ja')} / ${most.toLocaleString('ja')} 文字`,
  tooLong: (length, most) =>
    `ポリシーは ${most.toLocaleString('ja')} 文字までです。現在 ${length.toLocaleString('ja')} 文字あります。`,
  format: '整形',
  json: {
    end: 'テキストが途中で終わっています。括弧または引用符が閉じられていません。',
    value: 'ここに値が必要です。二重引用符で囲んだ文字列、{…}、[…]、数値、true、false、null のいずれかです。',
    name: 'ここに二重引用符で囲んだ名前が必要です。最後の要素の後にはカンマを付けません。',
    twice: 'この名前はオブジェクトの中にすでにあります。',
    colon: '名前と値の間にコロンが必要です。',
    comma: 'ここにカンマまたは閉じ括弧が必要です。',
    string: '文字列がこの行で閉じられていません。',
    escape: 'バックスラッシュの後に置けるのは " \\ / b f n r t、または u と 4 桁の 16 進数だけです。',
    after: 'ポリシーはこの前で終わっています。この後の内容は不要です。',
    depth: '括弧の入れ子が深すぎます。',
  },
};
