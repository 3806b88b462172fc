import type { Messages } from '../messages';

export const storage: Messages['storage'] = {
  title: 'ストレージ使用量',
  description:
    '同じレイヤーは、いくつのイメージやリポジトリにあっても 1 回だけ数えます。そのため、イメージやリポジトリのサイズの合計はこれより大きくなります。クォータでは、同じレイヤーをリポジトリごとに 1 回数えます。',
  stored: '保存容量',
  images: 'イメージ数',
  layers: '異なるレイヤー数',
  saved: 'リポジトリ間の共有で節約した容量',
  countedAt: '集計日時',
  counting: '集計中',
  inRepository: (size, images) => `保存容量 ${size}、${images}`,
  imageCount: (count) => `イメージ ${count.toLocaleString('ja')} 件`,
  hint: 'すべてのイメージのレイヤーとマニフェストの合計です。同じレイヤーは 1 回だけ数えます。',
  asOf: (time) => `${time} に集計。同じレイヤーはリポジトリごとに 1 回だけ数えています。`,
};
