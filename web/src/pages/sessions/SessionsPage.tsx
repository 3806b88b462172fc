import ContentLayout from '@cloudscape-design/components/content-layout';

export function SessionsPage() {
  return <ContentLayout header={null} />;
}
