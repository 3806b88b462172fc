import ContentLayout from '@cloudscape-design/components/content-layout';

export function RepositoryPage() {
  return <ContentLayout header={null} />;
}
