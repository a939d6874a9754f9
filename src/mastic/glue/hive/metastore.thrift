// The part of the Hive Metastore's interface that Mastic serves.
//
// Names, numbers and types are what clients of Hive 2.3 and later put on the wire. Members that are neither read nor
// written here are left out: they are skipped when a client sends them. Enums travel as i32. Everything is optional, so
// that older and newer clients are read alike.

exception MetaException {
  1: optional string message,
}

exception ConfigValSecurityException {
  1: optional string message,
}

struct GetCatalogsResponse {
  1: optional list<string> names,
}

struct Catalog {
  1: optional string name,
  2: optional string description,
  3: optional string locationUri,
  4: optional i32 createTime,
}

struct GetCatalogResponse {
  1: optional Catalog catalog,
}

exception NoSuchObjectException {
  1: optional string message,
}

struct GetCatalogRequest {
  1: optional string name,
}

exception AlreadyExistsException {
  1: optional string message,
}

exception InvalidObjectException {
  1: optional string message,
}

struct PrivilegeGrantInfo {
  1: optional string privilege,
  2: optional i32 createTime,
  3: optional string grantor,
  4: optional i32 grantorType,
  5: optional bool grantOption,
}

struct PrincipalPrivilegeSet {
  1: optional map<string, list<PrivilegeGrantInfo>> userPrivileges,
  2: optional map<string, list<PrivilegeGrantInfo>> groupPrivileges,
  3: optional map<string, list<PrivilegeGrantInfo>> rolePrivileges,
}

struct Database {
  1: optional string name,
  2: optional string description,
  3: optional string locationUri,
  4: optional map<string, string> parameters,
  5: optional PrincipalPrivilegeSet privileges,
  6: optional string ownerName,
  7: optional i32 ownerType,
  8: optional string catalogName,
}

struct GetDatabaseRequest {
  1: optional string name,
  2: optional string catalogName,
}

exception InvalidOperationException {
  1: optional string message,
}

struct DropDatabaseRequest {
  1: optional string name,
  2: optional string catalogName,
  3: optional bool ignoreUnknownDb,
  4: optional bool deleteData,
  5: optional bool cascade,
}

struct FieldSchema {
  1: optional string name,
  2: optional string type,
  3: optional string comment,
}

exception UnknownTableException {
  1: optional string message,
}

exception UnknownDBException {
  1: optional string message,
}

struct EnvironmentContext {
  1: optional map<string, string> properties,
}

struct SerDeInfo {
  1: optional string name,
  2: optional string serializationLib,
  3: optional map<string, string> parameters,
}

struct Order {
  1: optional string col,
  2: optional i32 order,
}

struct SkewedInfo {
  1: optional list<string> skewedColNames,
  2: optional list<list<string>> skewedColValues,
}

struct StorageDescriptor {
  1: optional list<FieldSchema> cols,
  2: optional string location,
  3: optional string inputFormat,
  4: optional string outputFormat,
  5: optional bool compressed,
  6: optional i32 numBuckets,
  7: optional SerDeInfo serdeInfo,
  8: optional list<string> bucketCols,
  9: optional list<Order> sortCols,
  10: optional map<string, string> parameters,
  11: optional SkewedInfo skewedInfo,
  12: optional bool storedAsSubDirectories,
}

struct Table {
  1: optional string tableName,
  2: optional string dbName,
  3: optional string owner,
  4: optional i32 createTime,
  5: optional i32 lastAccessTime,
  6: optional i32 retention,
  7: optional StorageDescriptor sd,
  8: optional list<FieldSchema> partitionKeys,
  9: optional map<string, string> parameters,
  10: optional string viewOriginalText,
  11: optional string viewExpandedText,
  12: optional string tableType,
  13: optional PrincipalPrivilegeSet privileges,
  14: optional bool temporary,
  15: optional bool rewriteEnabled,
  17: optional string catName,
  18: optional i32 ownerType,
}

struct CreateTableRequest {
  1: optional Table table,
  2: optional EnvironmentContext envContext,
}

struct TableMeta {
  1: optional string dbName,
  2: optional string tableName,
  3: optional string tableType,
  4: optional string comments,
  5: optional string catName,
}

struct GetTableResult {
  1: optional Table table,
}

struct GetTableRequest {
  1: optional string dbName,
  2: optional string tblName,
  4: optional string catName,
}

struct GetTablesResult {
  1: optional list<Table> tables,
}

struct GetTablesRequest {
  1: optional string dbName,
  2: optional list<string> tblNames,
  4: optional string catName,
}

struct AlterTableResponse {
}

struct AlterTableRequest {
  1: optional string catName,
  2: optional string dbName,
  3: optional string tableName,
  4: optional Table table,
  5: optional EnvironmentContext environmentContext,
}

struct Partition {
  1: optional list<string> values,
  2: optional string dbName,
  3: optional string tableName,
  4: optional i32 createTime,
  5: optional i32 lastAccessTime,
  6: optional StorageDescriptor sd,
  7: optional map<string, string> parameters,
  8: optional PrincipalPrivilegeSet privileges,
  9: optional string catName,
}

struct AddPartitionsResult {
  1: optional list<Partition> partitions,
}

struct AddPartitionsRequest {
  1: optional string dbName,
  2: optional string tblName,
  3: optional list<Partition> parts,
  4: optional bool ifNotExists,
  5: optional bool needResult,
  6: optional string catName,
}

struct DropPartitionsResult {
  1: optional list<Partition> partitions,
}

struct DropPartitionsExpr {
  1: optional binary expr,
  2: optional i32 partArchiveLevel,
}

struct RequestPartsSpec {
  1: optional list<string> names,
  2: optional list<DropPartitionsExpr> exprs,
}

struct DropPartitionsRequest {
  1: optional string dbName,
  2: optional string tblName,
  3: optional RequestPartsSpec parts,
  4: optional bool deleteData,
  5: optional bool ifExists,
  6: optional bool ignoreProtection,
  7: optional EnvironmentContext environmentContext,
  8: optional bool needResult,
  9: optional string catName,
}

struct PartitionsByExprResult {
  1: optional list<Partition> partitions,
  2: optional bool hasUnknownPartitions,
}

struct PartitionsByExprRequest {
  1: optional string dbName,
  2: optional string tblName,
  3: optional binary expr,
  4: optional string defaultPartitionName,
  5: optional i16 maxParts,
  6: optional string catName,
}

struct GetPartitionsByNamesResult {
  1: optional list<Partition> partitions,
}

struct GetPartitionsByNamesRequest {
  1: optional string db_name,
  2: optional string tbl_name,
  3: optional list<string> names,
}

exception InvalidInputException {
  1: optional string message,
}

struct ColumnStatisticsDesc {
  1: optional bool isTblLevel,
  2: optional string dbName,
  3: optional string tableName,
  4: optional string partName,
  5: optional i64 lastAnalyzed,
  6: optional string catName,
}

struct BooleanColumnStatsData {
  1: optional i64 numTrues,
  2: optional i64 numFalses,
  3: optional i64 numNulls,
}

struct LongColumnStatsData {
  1: optional i64 lowValue,
  2: optional i64 highValue,
  3: optional i64 numNulls,
  4: optional i64 numDVs,
}

struct DoubleColumnStatsData {
  1: optional double lowValue,
  2: optional double highValue,
  3: optional i64 numNulls,
  4: optional i64 numDVs,
}

struct StringColumnStatsData {
  1: optional i64 maxColLen,
  2: optional double avgColLen,
  3: optional i64 numNulls,
  4: optional i64 numDVs,
}

struct BinaryColumnStatsData {
  1: optional i64 maxColLen,
  2: optional double avgColLen,
  3: optional i64 numNulls,
}

struct Decimal {
  1: optional binary unscaled,
  3: optional i16 scale,
}

struct DecimalColumnStatsData {
  1: optional Decimal lowValue,
  2: optional Decimal highValue,
  3: optional i64 numNulls,
  4: optional i64 numDVs,
}

struct Date {
  1: optional i64 daysSinceEpoch,
}

struct DateColumnStatsData {
  1: optional Date lowValue,
  2: optional Date highValue,
  3: optional i64 numNulls,
  4: optional i64 numDVs,
}

struct Timestamp {
  1: optional i64 secondsSinceEpoch,
}

struct TimestampColumnStatsData {
  1: optional Timestamp lowValue,
  2: optional Timestamp highValue,
  3: optional i64 numNulls,
  4: optional i64 numDVs,
}

struct ColumnStatisticsData {
  1: optional BooleanColumnStatsData booleanStats,
  2: optional LongColumnStatsData longStats,
  3: optional DoubleColumnStatsData doubleStats,
  4: optional StringColumnStatsData stringStats,
  5: optional BinaryColumnStatsData binaryStats,
  6: optional DecimalColumnStatsData decimalStats,
  7: optional DateColumnStatsData dateStats,
  8: optional TimestampColumnStatsData timestampStats,
}

struct ColumnStatisticsObj {
  1: optional string colName,
  2: optional string colType,
  3: optional ColumnStatisticsData statsData,
}

struct ColumnStatistics {
  1: optional ColumnStatisticsDesc statsDesc,
  2: optional list<ColumnStatisticsObj> statsObj,
}

struct TableStatsResult {
  1: optional list<ColumnStatisticsObj> tableStats,
}

struct TableStatsRequest {
  1: optional string dbName,
  2: optional string tblName,
  3: optional list<string> colNames,
  4: optional string catName,
}

struct PartitionsStatsResult {
  1: optional map<string, list<ColumnStatisticsObj>> partStats,
}

struct PartitionsStatsRequest {
  1: optional string dbName,
  2: optional string tblName,
  3: optional list<string> colNames,
  4: optional list<string> partNames,
  5: optional string catName,
}

struct SetPartitionsStatsRequest {
  1: optional list<ColumnStatistics> colStats,
  2: optional bool needMerge,
}

struct SQLPrimaryKey {
}

struct PrimaryKeysResponse {
  1: optional list<SQLPrimaryKey> primaryKeys,
}

struct PrimaryKeysRequest {
  1: optional string db_name,
  2: optional string tbl_name,
  3: optional string catName,
  4: optional string validWriteIdList,
  5: optional i64 tableId,
}

struct SQLForeignKey {
}

struct ForeignKeysResponse {
  1: optional list<SQLForeignKey> foreignKeys,
}

struct ForeignKeysRequest {
  1: optional string parent_db_name,
  2: optional string parent_tbl_name,
  3: optional string foreign_db_name,
  4: optional string foreign_tbl_name,
  5: optional string catName,
  6: optional string validWriteIdList,
  7: optional i64 tableId,
}

struct SQLUniqueConstraint {
}

struct UniqueConstraintsResponse {
  1: optional list<SQLUniqueConstraint> uniqueConstraints,
}

struct UniqueConstraintsRequest {
  1: optional string catName,
  2: optional string db_name,
  3: optional string tbl_name,
  4: optional string validWriteIdList,
  5: optional i64 tableId,
}

struct SQLNotNullConstraint {
}

struct NotNullConstraintsResponse {
  1: optional list<SQLNotNullConstraint> notNullConstraints,
}

struct NotNullConstraintsRequest {
  1: optional string catName,
  2: optional string db_name,
  3: optional string tbl_name,
  4: optional string validWriteIdList,
  5: optional i64 tableId,
}

struct SQLDefaultConstraint {
}

struct DefaultConstraintsResponse {
  1: optional list<SQLDefaultConstraint> defaultConstraints,
}

struct DefaultConstraintsRequest {
  1: optional string catName,
  2: optional string db_name,
  3: optional string tbl_name,
  4: optional string validWriteIdList,
  5: optional i64 tableId,
}

struct SQLCheckConstraint {
}

struct CheckConstraintsResponse {
  1: optional list<SQLCheckConstraint> checkConstraints,
}

struct CheckConstraintsRequest {
  1: optional string catName,
  2: optional string db_name,
  3: optional string tbl_name,
  4: optional string validWriteIdList,
  5: optional i64 tableId,
}

struct ResourceUri {
  1: optional i32 resourceType,
  2: optional string uri,
}

struct Function {
  1: optional string functionName,
  2: optional string dbName,
  3: optional string className,
  4: optional string ownerName,
  5: optional i32 ownerType,
  6: optional i32 createTime,
  7: optional i32 functionType,
  8: optional list<ResourceUri> resourceUris,
  9: optional string catName,
}

struct GetAllFunctionsResponse {
  1: optional list<Function> functions,
}

struct LockResponse {
  1: optional i64 lockid,
  2: optional i32 state,
  3: optional string errorMessage,
}

exception NoSuchTxnException {
  1: optional string message,
}

exception TxnAbortedException {
  1: optional string message,
}

struct LockComponent {
  1: optional i32 type,
  2: optional i32 level,
  3: optional string dbname,
  4: optional string tablename,
  5: optional string partitionname,
  6: optional i32 operationType,
  7: optional bool isTransactional,
  8: optional bool isDynamicPartitionWrite,
}

struct LockRequest {
  1: optional list<LockComponent> component,
  2: optional i64 txnid,
  3: optional string user,
  4: optional string hostname,
  5: optional string agentInfo,
}

exception NoSuchLockException {
  1: optional string message,
}

struct CheckLockRequest {
  1: optional i64 lockid,
  2: optional i64 txnid,
  3: optional i64 elapsed_ms,
}

exception TxnOpenException {
  1: optional string message,
}

struct UnlockRequest {
  1: optional i64 lockid,
}

struct ShowLocksResponseElement {
  1: optional i64 lockid,
  2: optional string dbname,
  3: optional string tablename,
  4: optional string partname,
  5: optional i32 state,
  6: optional i32 type,
  7: optional i64 txnid,
  8: optional i64 lastheartbeat,
  9: optional i64 acquiredat,
  10: optional string user,
  11: optional string hostname,
  12: optional i32 heartbeatCount,
  13: optional string agentInfo,
  14: optional i64 blockedByExtId,
  15: optional i64 blockedByIntId,
  16: optional i64 lockIdInternal,
}

struct ShowLocksResponse {
  1: optional list<ShowLocksResponseElement> locks,
}

struct ShowLocksRequest {
  1: optional string dbname,
  2: optional string tablename,
  3: optional string partname,
  4: optional bool isExtended,
  5: optional i64 txnid,
}

struct HeartbeatRequest {
  1: optional i64 lockid,
  2: optional i64 txnid,
}

struct NotificationEvent {
  1: optional i64 eventId,
  2: optional i32 eventTime,
  3: optional string eventType,
  4: optional string dbName,
  5: optional string tableName,
  6: optional string message,
  7: optional string messageFormat,
  8: optional string catName,
}

struct NotificationEventResponse {
  1: optional list<NotificationEvent> events,
}

struct NotificationEventRequest {
  1: optional i64 lastEvent,
  2: optional i32 maxEvents,
}

struct CurrentNotificationEventId {
  1: optional i64 eventId,
}

struct NotificationEventsCountResponse {
  1: optional i64 eventsCount,
}

struct NotificationEventsCountRequest {
  1: optional i64 fromEventId,
  2: optional string dbName,
  3: optional string catName,
}

struct GetFieldsResponse {
  1: optional list<FieldSchema> fields,
}

struct GetFieldsRequest {
  1: optional string catName,
  2: optional string dbName,
  3: optional string tblName,
}

struct GetSchemaResponse {
  1: optional list<FieldSchema> fields,
}

struct GetSchemaRequest {
  1: optional string catName,
  2: optional string dbName,
  3: optional string tblName,
}

struct TruncateTableResponse {
}

struct TruncateTableRequest {
  1: optional string dbName,
  2: optional string tableName,
  3: optional list<string> partNames,
}

struct GetPartitionResponse {
  1: optional Partition partition,
}

struct GetPartitionRequest {
  1: optional string catName,
  2: optional string dbName,
  3: optional string tblName,
  4: optional list<string> partVals,
}

struct PartitionsResponse {
  1: optional list<Partition> partitions,
}

struct PartitionsRequest {
  1: optional string catName,
  2: optional string dbName,
  3: optional string tblName,
  4: optional i16 maxParts,
}

struct GetPartitionsPsWithAuthResponse {
  1: optional list<Partition> partitions,
}

struct GetPartitionsPsWithAuthRequest {
  1: optional string catName,
  2: optional string dbName,
  3: optional string tblName,
  4: optional list<string> partVals,
  5: optional i16 maxParts,
}

struct GetPartitionNamesPsResponse {
  1: optional list<string> names,
}

struct GetPartitionNamesPsRequest {
  1: optional string catName,
  2: optional string dbName,
  3: optional string tblName,
  4: optional list<string> partValues,
  5: optional i16 maxParts,
}

struct AlterPartitionsResponse {
}

struct AlterPartitionsRequest {
  1: optional string catName,
  2: optional string dbName,
  3: optional string tableName,
  4: optional list<Partition> partitions,
}

struct RenamePartitionResponse {
}

struct RenamePartitionRequest {
  1: optional string catName,
  2: optional string dbName,
  3: optional string tableName,
  4: optional list<string> partVals,
  5: optional Partition newPart,
}

struct SetPartitionsStatsResponse {
  1: optional bool result,
}

service ThriftHiveMetastore {
  // What every service of this family has
  string getName(),
  string getVersion(),
  i32 getStatus(),
  i64 aliveSince(),
  oneway void shutdown(),
  // Session
  string getMetaConf(1: string key)
      throws (1: MetaException o1),
  void setMetaConf(1: string key, 2: string value)
      throws (1: MetaException o1),
  string get_config_value(1: string name, 2: string defaultValue)
      throws (1: ConfigValSecurityException o1),
  list<string> set_ugi(1: string user_name, 2: list<string> group_names)
      throws (1: MetaException o1),
  string get_metastore_db_uuid()
      throws (1: MetaException o1),
  void flushCache(),
  // Catalogs and databases
  GetCatalogsResponse get_catalogs()
      throws (1: MetaException o1),
  GetCatalogResponse get_catalog(1: GetCatalogRequest catName)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  void create_database(1: Database database)
      throws (1: AlreadyExistsException o1, 2: InvalidObjectException o2, 3: MetaException o3),
  Database get_database(1: string name)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  Database get_database_req(1: GetDatabaseRequest request)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  void drop_database(1: string name, 2: bool deleteData, 3: bool cascade)
      throws (1: NoSuchObjectException o1, 2: InvalidOperationException o2, 3: MetaException o3),
  void drop_database_req(1: DropDatabaseRequest req)
      throws (1: NoSuchObjectException o1, 2: InvalidOperationException o2, 3: MetaException o3),
  list<string> get_databases(1: string pattern)
      throws (1: MetaException o1),
  list<string> get_all_databases()
      throws (1: MetaException o1),
  void alter_database(1: string dbname, 2: Database db)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  // Tables
  list<FieldSchema> get_fields(1: string db_name, 2: string table_name)
      throws (1: MetaException o1, 2: UnknownTableException o2, 3: UnknownDBException o3),
  list<FieldSchema> get_fields_with_environment_context(1: string db_name, 2: string table_name, 3: EnvironmentContext environment_context)
      throws (1: MetaException o1, 2: UnknownTableException o2, 3: UnknownDBException o3),
  list<FieldSchema> get_schema(1: string db_name, 2: string table_name)
      throws (1: MetaException o1, 2: UnknownTableException o2, 3: UnknownDBException o3),
  list<FieldSchema> get_schema_with_environment_context(1: string db_name, 2: string table_name, 3: EnvironmentContext environment_context)
      throws (1: MetaException o1, 2: UnknownTableException o2, 3: UnknownDBException o3),
  void create_table(1: Table tbl)
      throws (1: AlreadyExistsException o1, 2: InvalidObjectException o2, 3: MetaException o3, 4: NoSuchObjectException o4),
  void create_table_with_environment_context(1: Table tbl, 2: EnvironmentContext environment_context)
      throws (1: AlreadyExistsException o1, 2: InvalidObjectException o2, 3: MetaException o3, 4: NoSuchObjectException o4),
  void create_table_req(1: CreateTableRequest request)
      throws (1: AlreadyExistsException o1, 2: InvalidObjectException o2, 3: MetaException o3, 4: NoSuchObjectException o4),
  void drop_table(1: string dbname, 2: string name, 3: bool deleteData)
      throws (1: NoSuchObjectException o1, 2: MetaException o3),
  void drop_table_with_environment_context(1: string dbname, 2: string name, 3: bool deleteData, 4: EnvironmentContext environment_context)
      throws (1: NoSuchObjectException o1, 2: MetaException o3),
  void truncate_table(1: string dbName, 2: string tableName, 3: list<string> partNames)
      throws (1: MetaException o1),
  list<string> get_tables(1: string db_name, 2: string pattern)
      throws (1: MetaException o1),
  list<string> get_tables_by_type(1: string db_name, 2: string pattern, 3: string tableType)
      throws (1: MetaException o1),
  list<TableMeta> get_table_meta(1: string db_patterns, 2: string tbl_patterns, 3: list<string> tbl_types)
      throws (1: MetaException o1),
  list<string> get_all_tables(1: string db_name)
      throws (1: MetaException o1),
  Table get_table(1: string dbname, 2: string tbl_name)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  GetTableResult get_table_req(1: GetTableRequest req)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  list<Table> get_table_objects_by_name(1: string dbname, 2: list<string> tbl_names),
  GetTablesResult get_table_objects_by_name_req(1: GetTablesRequest req)
      throws (1: MetaException o1, 2: InvalidOperationException o2, 3: UnknownDBException o3),
  list<string> get_table_names_by_filter(1: string dbname, 2: string filter, 3: i16 max_tables)
      throws (1: MetaException o1, 2: InvalidOperationException o2, 3: UnknownDBException o3),
  void alter_table(1: string dbname, 2: string tbl_name, 3: Table new_tbl)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  void alter_table_with_environment_context(1: string dbname, 2: string tbl_name, 3: Table new_tbl, 4: EnvironmentContext environment_context)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  void alter_table_with_cascade(1: string dbname, 2: string tbl_name, 3: Table new_tbl, 4: bool cascade)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  AlterTableResponse alter_table_req(1: AlterTableRequest req)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  // Partitions
  Partition add_partition(1: Partition new_part)
      throws (1: InvalidObjectException o1, 2: AlreadyExistsException o2, 3: MetaException o3),
  Partition add_partition_with_environment_context(1: Partition new_part, 2: EnvironmentContext environment_context)
      throws (1: InvalidObjectException o1, 2: AlreadyExistsException o2, 3: MetaException o3),
  i32 add_partitions(1: list<Partition> new_parts)
      throws (1: InvalidObjectException o1, 2: AlreadyExistsException o2, 3: MetaException o3),
  AddPartitionsResult add_partitions_req(1: AddPartitionsRequest request)
      throws (1: InvalidObjectException o1, 2: AlreadyExistsException o2, 3: MetaException o3),
  Partition append_partition(1: string db_name, 2: string tbl_name, 3: list<string> part_vals)
      throws (1: InvalidObjectException o1, 2: AlreadyExistsException o2, 3: MetaException o3),
  Partition append_partition_by_name(1: string db_name, 2: string tbl_name, 3: string part_name)
      throws (1: InvalidObjectException o1, 2: AlreadyExistsException o2, 3: MetaException o3),
  bool drop_partition(1: string db_name, 2: string tbl_name, 3: list<string> part_vals, 4: bool deleteData)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  bool drop_partition_with_environment_context(1: string db_name, 2: string tbl_name, 3: list<string> part_vals, 4: bool deleteData, 5: EnvironmentContext environment_context)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  bool drop_partition_by_name(1: string db_name, 2: string tbl_name, 3: string part_name, 4: bool deleteData)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  bool drop_partition_by_name_with_environment_context(1: string db_name, 2: string tbl_name, 3: string part_name, 4: bool deleteData, 5: EnvironmentContext environment_context)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  DropPartitionsResult drop_partitions_req(1: DropPartitionsRequest req)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  Partition get_partition(1: string db_name, 2: string tbl_name, 3: list<string> part_vals)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  Partition get_partition_with_auth(1: string db_name, 2: string tbl_name, 3: list<string> part_vals, 4: string user_name, 5: list<string> group_names)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  Partition get_partition_by_name(1: string db_name, 2: string tbl_name, 3: string part_name)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  list<Partition> get_partitions(1: string db_name, 2: string tbl_name, 3: i16 max_parts)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  list<Partition> get_partitions_with_auth(1: string db_name, 2: string tbl_name, 3: i16 max_parts, 4: string user_name, 5: list<string> group_names)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  list<string> get_partition_names(1: string db_name, 2: string tbl_name, 3: i16 max_parts)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  list<Partition> get_partitions_ps(1: string db_name, 2: string tbl_name, 3: list<string> part_vals, 4: i16 max_parts)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  list<Partition> get_partitions_ps_with_auth(1: string db_name, 2: string tbl_name, 3: list<string> part_vals, 4: i16 max_parts, 5: string user_name, 6: list<string> group_names)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  list<string> get_partition_names_ps(1: string db_name, 2: string tbl_name, 3: list<string> part_vals, 4: i16 max_parts)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  list<Partition> get_partitions_by_filter(1: string db_name, 2: string tbl_name, 3: string filter, 4: i16 max_parts)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  i32 get_num_partitions_by_filter(1: string db_name, 2: string tbl_name, 3: string filter)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  PartitionsByExprResult get_partitions_by_expr(1: PartitionsByExprRequest req)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  list<Partition> get_partitions_by_names(1: string db_name, 2: string tbl_name, 3: list<string> names)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  GetPartitionsByNamesResult get_partitions_by_names_req(1: GetPartitionsByNamesRequest req)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  void alter_partition(1: string db_name, 2: string tbl_name, 3: Partition new_part)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  void alter_partition_with_environment_context(1: string db_name, 2: string tbl_name, 3: Partition new_part, 4: EnvironmentContext environment_context)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  void alter_partitions(1: string db_name, 2: string tbl_name, 3: list<Partition> new_parts)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  void alter_partitions_with_environment_context(1: string db_name, 2: string tbl_name, 3: list<Partition> new_parts, 4: EnvironmentContext environment_context)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  void rename_partition(1: string db_name, 2: string tbl_name, 3: list<string> part_vals, 4: Partition new_part)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  bool partition_name_has_valid_characters(1: list<string> part_vals, 2: bool throw_exception)
      throws (1: MetaException o1),
  list<string> partition_name_to_vals(1: string part_name)
      throws (1: MetaException o1),
  map<string, string> partition_name_to_spec(1: string part_name)
      throws (1: MetaException o1),
  // Column statistics
  bool update_table_column_statistics(1: ColumnStatistics stats_obj)
      throws (1: NoSuchObjectException o1, 2: InvalidObjectException o2, 3: MetaException o3, 4: InvalidInputException o4),
  bool update_partition_column_statistics(1: ColumnStatistics stats_obj)
      throws (1: NoSuchObjectException o1, 2: InvalidObjectException o2, 3: MetaException o3, 4: InvalidInputException o4),
  ColumnStatistics get_table_column_statistics(1: string db_name, 2: string tbl_name, 3: string col_name)
      throws (1: NoSuchObjectException o1, 2: MetaException o2, 3: InvalidInputException o3, 4: InvalidObjectException o4),
  ColumnStatistics get_partition_column_statistics(1: string db_name, 2: string tbl_name, 3: string part_name, 4: string col_name)
      throws (1: NoSuchObjectException o1, 2: MetaException o2, 3: InvalidInputException o3, 4: InvalidObjectException o4),
  TableStatsResult get_table_statistics_req(1: TableStatsRequest request)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  PartitionsStatsResult get_partitions_statistics_req(1: PartitionsStatsRequest request)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  bool set_aggr_stats_for(1: SetPartitionsStatsRequest request)
      throws (1: NoSuchObjectException o1, 2: InvalidObjectException o2, 3: MetaException o3, 4: InvalidInputException o4),
  bool delete_partition_column_statistics(1: string db_name, 2: string tbl_name, 3: string part_name, 4: string col_name, 5: string engine)
      throws (1: NoSuchObjectException o1, 2: MetaException o2, 3: InvalidObjectException o3, 4: InvalidInputException o4),
  bool delete_table_column_statistics(1: string db_name, 2: string tbl_name, 3: string col_name, 4: string engine)
      throws (1: NoSuchObjectException o1, 2: MetaException o2, 3: InvalidObjectException o3, 4: InvalidInputException o4),
  // Constraints
  PrimaryKeysResponse get_primary_keys(1: PrimaryKeysRequest request)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  ForeignKeysResponse get_foreign_keys(1: ForeignKeysRequest request)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  UniqueConstraintsResponse get_unique_constraints(1: UniqueConstraintsRequest request)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  NotNullConstraintsResponse get_not_null_constraints(1: NotNullConstraintsRequest request)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  DefaultConstraintsResponse get_default_constraints(1: DefaultConstraintsRequest request)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  CheckConstraintsResponse get_check_constraints(1: CheckConstraintsRequest request)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  // Functions
  void create_function(1: Function func)
      throws (1: AlreadyExistsException o1, 2: InvalidObjectException o2, 3: MetaException o3, 4: NoSuchObjectException o4),
  void drop_function(1: string dbName, 2: string funcName)
      throws (1: NoSuchObjectException o1, 2: MetaException o3),
  void alter_function(1: string dbName, 2: string funcName, 3: Function newFunc)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  list<string> get_functions(1: string dbName, 2: string pattern)
      throws (1: MetaException o1),
  Function get_function(1: string dbName, 2: string funcName)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  GetAllFunctionsResponse get_all_functions()
      throws (1: MetaException o1),
  // Locks
  LockResponse lock(1: LockRequest rqst)
      throws (1: NoSuchTxnException o1, 2: TxnAbortedException o2),
  LockResponse check_lock(1: CheckLockRequest rqst)
      throws (1: NoSuchTxnException o1, 2: TxnAbortedException o2, 3: NoSuchLockException o3),
  void unlock(1: UnlockRequest rqst)
      throws (1: NoSuchLockException o1, 2: TxnOpenException o2),
  ShowLocksResponse show_locks(1: ShowLocksRequest rqst),
  void heartbeat(1: HeartbeatRequest ids)
      throws (1: NoSuchLockException o1, 2: NoSuchTxnException o2, 3: TxnAbortedException o3),
  // Notifications
  NotificationEventResponse get_next_notification(1: NotificationEventRequest rqst),
  CurrentNotificationEventId get_current_notificationEventId(),
  NotificationEventsCountResponse get_notification_events_count(1: NotificationEventsCountRequest rqst),
  // The same with their arguments in a struct, as newer clients have them
  GetFieldsResponse get_fields_req(1: GetFieldsRequest req)
      throws (1: MetaException o1, 2: UnknownTableException o2, 3: UnknownDBException o3),
  GetSchemaResponse get_schema_req(1: GetSchemaRequest req)
      throws (1: MetaException o1, 2: UnknownTableException o2, 3: UnknownDBException o3),
  TruncateTableResponse truncate_table_req(1: TruncateTableRequest req)
      throws (1: MetaException o1),
  GetPartitionResponse get_partition_req(1: GetPartitionRequest req)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  PartitionsResponse get_partitions_req(1: PartitionsRequest req)
      throws (1: NoSuchObjectException o1, 2: MetaException o2),
  GetPartitionsPsWithAuthResponse get_partitions_ps_with_auth_req(1: GetPartitionsPsWithAuthRequest req)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  GetPartitionNamesPsResponse get_partition_names_ps_req(1: GetPartitionNamesPsRequest req)
      throws (1: MetaException o1, 2: NoSuchObjectException o2),
  AlterPartitionsResponse alter_partitions_req(1: AlterPartitionsRequest req)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  RenamePartitionResponse rename_partition_req(1: RenamePartitionRequest req)
      throws (1: InvalidOperationException o1, 2: MetaException o2),
  SetPartitionsStatsResponse update_table_column_statistics_req(1: SetPartitionsStatsRequest req)
      throws (1: NoSuchObjectException o1, 2: InvalidObjectException o2, 3: MetaException o3, 4: InvalidInputException o4),
  SetPartitionsStatsResponse update_partition_column_statistics_req(1: SetPartitionsStatsRequest req)
      throws (1: NoSuchObjectException o1, 2: InvalidObjectException o2, 3: MetaException o3, 4: InvalidInputException o4),
}
