import ContentLayout from '@cloudscape-design/components/content-layout';

export function RepositoriesPage() {
  return <ContentLayout header={null} />;
}
