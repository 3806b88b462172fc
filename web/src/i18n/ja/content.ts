import type { Messages } from '../messages';

const count = (n: number) => n.toLocaleString('ja');

export const content: Messages['content'] = {
  clients: {
    docker: 'Docker',
    podman: 'Podman',
    crane: 'crane',
    kubernetes: 'Kubernetes',
    helm: 'Helm',
    oras: 'ORAS',
  },
  whichTag: 'タグ',
  login: '先にログインします。ログインは 12 時間有効です。',
  podByTag: 'タグで指定した Pod：別のイメージに移ることがあります',
  podByDigest: 'ダイジェストで指定した Pod：常にこのイメージです',
  pullSecret:
    'ログイン情報を名前空間の Secret にします。パスワードは 12 時間有効です。期限の前に、CronJob などでもう一度実行してください。',
  craneAdvice:
    'OCI イメージレイアウトのフォルダに書き出します。インデックスの場合はすべてのプラットフォームを含みます。',

  platforms: 'プラットフォーム',
  platformsAdvice: 'プラットフォームごとに別のイメージがあります。設定が異なる項目だけを並べて表示します。',
  layerCount: 'レイヤー数',
  created: '作成日時',
  alike: (fields) => `すべて同じ項目：${fields}`,
  allAlike: '設定はすべて同じです。',
  comparedOnly: (n) => `先頭の ${count(n)} 件の設定だけを比較しています。`,
  notThere: 'このリポジトリにありません',

  configuration: '設定',
  configurationAdvice: 'イメージ自身の記述です。プッシュした人が書いた内容です。',
  user: 'ユーザー',
  userNone: '指定なし（root またはランタイムの既定）',
  entrypoint: 'エントリポイント',
  command: 'コマンド',
  workingDirectory: '作業ディレクトリ',
  exposedPorts: '公開ポート',
  volumes: 'ボリューム',
  stopSignal: '停止シグナル',
  author: '作成者',
  environment: '環境変数',
  labels: 'ラベル',
  notSet: '指定なし',
  name: '名前',
  value: '値',
  truncated: '設定に 1,000 個を超える要素のリストがあります。残りは表示していません。',
  statuses: {
    ARTIFACT: 'コンテナイメージではありません。config が別の種類です。',
    TOO_LARGE: '設定が 1 MiB を超えるため、読み取りません。',
    INVALID: '設定がイメージの仕様に合っていません：',
    MISSING: 'リポジトリに設定がないか、その内容が失われています。イメージをもう一度プッシュしてください。',
  },

  history: '履歴とレイヤー',
  historyOnly: '履歴',
  historyApart: '履歴のステップ数とレイヤー数が異なるため、どのステップがどのレイヤーを作成したかはわかりません。',
  layersOf: (n, size) => `${count(n)} 個のレイヤー、転送サイズ ${size}`,
  step: 'ステップ',
  layer: 'レイヤー',
  createdBy: '作成コマンド',
  noCommand: '履歴に記述がありません',
  emptyLayer: 'レイヤーなし：ファイルの変更なし',
  firstLayers: (n, all) => `${count(all)} 個のレイヤーのうち、先頭の ${count(n)} 個を表示しています。`,
  showAll: (n) => `${count(n)} 件すべてを表示`,
};
