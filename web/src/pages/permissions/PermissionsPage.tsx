import ContentLayout from '@cloudscape-design/components/content-layout';

export function PermissionsPage() {
  return <ContentLayout header={null} />;
}
