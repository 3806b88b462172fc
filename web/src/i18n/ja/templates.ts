import type { Messages } from '../messages';

export const templates: Messages['templates'] = {
  title: '作成テンプレート',
  description: 'プッシュまたはレプリケーションで作成されるリポジトリの初期設定です。',
  none: '作成テンプレートはまだありません',
  noneAdvice:
    '存在しないリポジトリへのプッシュは失敗し、レプリケーションではデフォルトの設定でリポジトリが作成されます。テンプレートで、どちらも変更できます。',
  create: 'テンプレートを作成',
  prefix: 'プレフィックス',
  root: 'その他すべてのリポジトリ（ROOT）',
  matches: (prefix) => `${prefix}/…`,
  appliedFor: '適用対象',
  occasions: {
    CREATE_ON_PUSH: 'プッシュ',
    REPLICATION: 'レプリケーション',
    PULL_THROUGH_CACHE: 'プルスルーキャッシュ',
  },
  gives: '設定内容',
  hasPolicy: 'リポジトリポリシー',
  hasLifecycle: 'ライフサイクルポリシー',
  hasTags: (count) => `リソースタグ ${count} 個`,
  changed: '更新日時',
  actions: '操作',
  editOf: (prefix) => `テンプレート ${prefix} を編集`,
  deleteOf: (prefix) => `テンプレート ${prefix} を削除`,
  pages: 'テンプレートのページ',

  deleteTitle: (prefix) => `テンプレート ${prefix} を削除しますか？`,
  deleteAdvice: '作成済みのリポジトリはそのまま残ります。今後作成されるリポジトリには適用されません。',
  deleted: (prefix) => `テンプレート ${prefix} を削除しました`,

  createTitle: 'テンプレートを作成',
  editTitle: (prefix) => `テンプレート ${prefix}`,
  general: '対象',
  prefixHint:
    '名前がこのプレフィックスとスラッシュで始まるリポジトリに適用されます。複数ある場合は、最も長いものだけが適用されます。ROOT は、他のどれにも当てはまらないものに適用されます。',
  prefixNeeded: 'プレフィックスまたは ROOT を入力してください',
  prefixProblem:
    'プレフィックスは、ROOT か、英小文字と数字の間に . _ - またはスラッシュを 1 つ置いた 256 文字以内の文字列です',
  prefixTaken: '同じプレフィックスのテンプレートがすでにあります',
  appliedForHint: 'どのような場合にリポジトリを作成するかを選択します。',
  occasionHints: {
    CREATE_ON_PUSH: '存在しないリポジトリにプッシュすると、作成されます。',
    REPLICATION: 'レプリケーション先にリポジトリがない場合、この設定で作成されます。',
    PULL_THROUGH_CACHE: 'プルスルーキャッシュ用に保存されます。このバージョンにはその機能がありません。',
  },
  appliedForNeeded: '1 つ以上選択してください',
  templateDescription: '説明',
  descriptionLong: '説明は 256 文字以内で入力してください',
  repositoryPolicy: 'リポジトリポリシー',
  repositoryPolicyAdvice:
    '作成されるリポジトリに、ほかに誰がプルやプッシュできるかを設定します。プッシュを許可すると、作成もできます。',
  lifecyclePolicy: 'ライフサイクルポリシー',
  lifecyclePolicyAdvice: '一定期間後に削除するイメージを設定します。',
  tags: 'リソースタグ',
  tagsAdvice: '作成されるリポジトリに付けるキーと値です。',
  fixFirst: '先に、エラーのある項目を修正してください。',
  created: (prefix) => `テンプレート ${prefix} を作成しました`,
  saved: (prefix) => `テンプレート ${prefix} を保存しました`,
  gone: (prefix) => `このレジストリに、テンプレート ${prefix} はありません`,
  goneAdvice: '削除されたか、別のアカウントまたはリージョンにある可能性があります。',
  toList: 'すべてのテンプレートを表示',
};
