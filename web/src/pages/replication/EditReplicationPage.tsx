import ContentLayout from '@cloudscape-design/components/content-layout';

export function EditReplicationPage() {
  return <ContentLayout header={null} />;
}
