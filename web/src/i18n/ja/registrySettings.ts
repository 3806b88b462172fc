import type { Messages } from '../messages';

export const registrySettings: Messages['registrySettings'] = {
  title: 'レジストリの設定',
  description: 'このリージョンの、このアカウントに適用されます。',
  setting: '設定',
  value: '値',
  change: '変更',
  changeOf: (setting) => `${setting}を変更`,
  saved: '設定を保存しました',
  settings: {
    REGISTRY_POLICY_SCOPE: {
      name: 'レジストリポリシーの対象',
      values: {
        V2: { label: 'すべての操作（V2）', hint: 'レジストリポリシーとリポジトリポリシーの両方で判定します。' },
        V1: {
          label: 'レプリケーションと作成のみ（V1）',
          hint: 'プルとプッシュは、リポジトリポリシーだけで判定します。レジストリポリシーに他の操作がある間は設定できません。',
        },
      },
    },
    BLOB_MOUNTING: {
      name: 'レイヤーのマウント',
      values: {
        ENABLED: {
          label: 'オン',
          hint: '別のリポジトリにあるレイヤーは、プッシュする人がそこからプルできる場合、送信せずに使用します。',
        },
        DISABLED: { label: 'オフ', hint: 'リポジトリにないレイヤーは、すべて送信されます。' },
      },
    },
    BASIC_SCAN_TYPE_VERSION: {
      name: '基本スキャンの種類',
      values: {
        AWS_NATIVE: { label: 'AWS_NATIVE', hint: '保存されるだけです。イメージはまだスキャンされません。' },
        CLAIR: { label: 'CLAIR', hint: '保存されるだけです。イメージはまだスキャンされません。' },
      },
    },
  },

  scanning: 'スキャン',
  scanningDescription:
    'ここ、または ECR のクライアントの PutRegistryScanningConfiguration で設定した内容です。イメージはまだスキャンされないため、検出結果はありません。',
  editScanning: 'スキャンの設定を編集',
  nothingScans: 'イメージはまだスキャンされません。設定は保存され、クライアントからの問い合わせに使われるだけです。',
  scanningSaved: 'スキャンの設定を保存しました',
  scanType: '種類',
  scanTypes: { BASIC: '基本', ENHANCED: '拡張' },
  scanTypeHints: {
    BASIC: '次のルールと、各リポジトリの設定に従います。',
    ENHANCED: '次のルールだけに従います。イメージを繰り返しスキャンすることもできます。',
  },
  scanRules: 'ルール',
  scanFrequencies: { SCAN_ON_PUSH: 'プッシュ時', CONTINUOUS_SCAN: '継続的', MANUAL: '要求時' },
  scanRule: (when, repositories) => `${when}：${repositories}`,
  noScanRules: 'ルールはありません',
  scanFrequencyHints: {
    SCAN_ON_PUSH: 'プッシュ時に 1 回だけ、イメージをスキャンするリポジトリです。',
    CONTINUOUS_SCAN:
      'プッシュ時と、その後も繰り返し、イメージをスキャンするリポジトリです。「プッシュ時」より優先されます。',
    MANUAL: 'クライアントの要求時に、イメージをスキャンするリポジトリです。「プッシュ時」が優先されます。',
  },
  scanFilter: 'フィルター',
  scanFilterHint:
    '小文字の英数字と、その間に . _ - / を使えます。* は任意の文字列に一致します。* のないフィルターは、それを含む名前に一致します。* だけなら、すべてに一致します。',
  addScanFilter: (when) => `フィルターを追加：${when}`,
  removeScanFilter: (filter, when) => `フィルター ${filter} を削除：${when}`,
  removedScanFilter: 'フィルターを削除しました',
  noScanRule: 'リポジトリはありません',
  scanRuleDropped: (when) => `この種類にはルール「${when}」がないため、保存されません。`,
  scanFilterProblems: {
    empty: 'フィルターを入力するか、削除してください',
    characters: 'フィルターに使えるのは小文字の英数字と . _ - / * だけです',
    long: 'フィルターは 255 文字以内で入力してください',
    separators: 'フィルターは英数字か * で始めて終え、その間には . _ - / を 1 つずつ置いてください',
    twice: '同じフィルターがすでにあります',
  },

  exclusions: 'プル時刻の除外',
  exclusionsDescription:
    '次のプリンシパルによるプルは、使用とみなされません。それ以外にプルされないイメージは、ライフサイクルポリシーでは、プルされていないものとして扱われます。',
  principal: 'プリンシパル',
  actions: '操作',
  noExclusions: '除外はありません',
  noExclusionsAdvice: 'すべてのプルが使用とみなされます。',
  addExclusion: '除外を追加',
  principalHint: 'ユーザーまたはロール、またはアカウントのルートの ARN です。',
  principalProblem: 'arn:aws:iam::111122223333:user/scanner のような、ユーザー、ロール、ルートの ARN ではありません',
  excluded: 'このプリンシパルによるプルを除外しました',
  includePulls: (principal) => `${principal} の除外を削除`,
  included: 'このプリンシパルによるプルの除外を削除しました',
};
