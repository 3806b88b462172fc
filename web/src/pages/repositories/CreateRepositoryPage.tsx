import ContentLayout from '@cloudscape-design/components/content-layout';

export function CreateRepositoryPage() {
  return <ContentLayout header={null} />;
}
