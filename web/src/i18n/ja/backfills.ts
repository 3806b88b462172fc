import type { Messages } from '../messages';

export const backfills: Messages['backfills'] = {
  title: 'バックフィル',
  description: 'すでにあるイメージの複製です。過去 90 日間のものを、新しい順に表示します。',
  none: 'バックフィルはまだありません',
  noneAdvice: '送信先の［既存のイメージを複製］を選ぶと、すでにあるイメージが複製されます。',
  pages: 'バックフィルのページ',

  existing: '既存のイメージ',
  start: '既存のイメージを複製',
  startFor: (place) => `${place}に既存のイメージを複製`,
  underWay: (region) => `リージョン ${region} へのバックフィルが進行中です。終了を待つか、停止してください。`,
  startTitle: (place) => `既存のイメージを${place}に複製しますか？`,
  startAdvice:
    'ルールでこの送信先に複製されるリポジトリのイメージが、今プッシュされた場合と同じように、すべて複製されます。送信先のタグは、ここで指しているイメージに移ります。送信先にすでにあるものは送信されません。プッシュが優先されます。',
  confirm: '複製',
  started: 'バックフィルを開始しました',

  destination: '送信先',
  status: '状態',
  statuses: {
    PREPARING: 'イメージを検索中',
    IN_PROGRESS: '進行中',
    COMPLETE: '完了',
    FAILED: '失敗',
    STOPPING: '停止処理中',
    STOPPED: '停止',
  },
  progress: 'イメージ',
  progressOf: (place) => `${place}へのバックフィルの進行状況`,
  doneOf: (done, all) => `${all} 件中 ${done} 件`,
  noImages: 'イメージなし',
  failed: '失敗',
  startedAt: '開始日時',
  took: (time) => `所要時間 ${time}`,
  actions: '操作',
  stop: '停止',
  stopOf: (place) => `${place}へのバックフィルを停止`,
  stopped: 'バックフィルを停止します。すでに始まった複製は続行されます。',
  results: '結果',
  resultsOf: (place) => `${place}へのバックフィルの結果`,

  resultsAdvice: (time) =>
    `${time} に開始しました。失敗したイメージがその後に複製されても、ここでの結果は変わりません。`,
  resultStatus: '表示するイメージ',
  resultStatuses: { FAILED: '失敗', COMPLETE: '完了' },
  withCount: (status, count) => `${status}（${count}）`,
  image: 'イメージ',
  reason: '理由',
  noResults: '該当するイメージはありません',
  resultPages: '結果のページ',
};
