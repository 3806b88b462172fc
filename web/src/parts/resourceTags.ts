import type { Tag } from '../api/ecr';

/** How many tags a repository may have: ECR documents this limit in its guide only. */
export const maxTags = 50;

interface EditedTag {
  key: string;
  value: string;
  markedForRemoval?: boolean;
}

/** Whether two lists have the same tags, in any order. */
export function sameTags(a: readonly Tag[], b: readonly Tag[]): boolean {
  const values = new Map(b.map((tag) => [tag.Key, tag.Value]));
  return a.length === b.length && a.every((tag) => values.get(tag.Key) === tag.Value);
}

/** What TagResource and UntagResource have to be asked for, to make of the saved tags the edited ones. */
export function tagChanges(saved: readonly Tag[], edited: readonly EditedTag[]): { tags: Tag[]; tagKeys: string[] } {
  const wanted = new Map(edited.filter((tag) => !tag.markedForRemoval).map((tag) => [tag.key, tag.value]));
  const had = new Map(saved.map((tag) => [tag.Key, tag.Value]));
  return {
    tags: [...wanted].filter(([key, value]) => had.get(key) !== value).map(([Key, Value]) => ({ Key, Value })),
    tagKeys: [...had.keys()].filter((key) => !wanted.has(key)),
  };
}
