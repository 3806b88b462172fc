import ContentLayout from '@cloudscape-design/components/content-layout';

export function ReplicationPage() {
  return <ContentLayout header={null} />;
}
