/** How much is stored. */
export const storage = {
  title: 'Storage used',
  description:
    'A layer counts once, however many images and repositories have it. So the sizes of images, and of repositories, add up to more. The quota counts a layer once in each repository.',
  stored: 'Stored',
  images: 'Images',
  layers: 'Different layers',
  saved: 'Saved because repositories share layers',
  countedAt: 'Counted',
  counting: 'Being counted',
  inRepository: (size: string, images: string) => `${size} stored, ${images}`,
  imageCount: (count: number) => `${count.toLocaleString('en')} ${count === 1 ? 'image' : 'images'}`,
  hint: 'Layers and manifests of all its images. A layer counts once, however many of them have it.',
  asOf: (time: string) => `Counted ${time}. Layers count once in each repository.`,
};
