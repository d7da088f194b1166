// The messages of the client connection. Written by `python -m lab.protocol_types` from docs/asyncapi.json.

/** A person has chosen this action of an alert. On `user:<id>`. */
export interface ActionChosen {
  type: "notifications.action_chosen";
  id: number;
  action: string;
  at: string;
}

/** Alerts, newest first. `more`: there are older ones. `positions`, by channel, were read before them. `now` is the time of the server, for what expires. */
export interface AlertPage {
  items: ListedAlert[];
  unread: number;
  more: boolean;
  positions: Record<string, StreamPosition>;
  now: string;
}

/** A snoozed alert is back in the person's inbox, as unread. On `user:<id>`. */
export interface AlertReturned {
  type: "notifications.alert_returned";
  id: number;
  message: string;
  title: string;
  level: string;
  url: string;
  at: string;
  data?: unknown;
  topic?: TopicLabel;
  expires_at?: string;
  kind?: string;
  category?: string;
  icon?: string;
  silent?: boolean;
  texts?: Record<string, Texts>;
  actions?: OfferedAction[];
  bundle?: Bundle;
  bundled_as?: string;
  counts: InboxCounts;
}

/** A person has these alerts of theirs in another state now. On `user:<id>`. */
export interface AlertsChanged {
  type: "notifications.alerts_changed";
  ids: number[];
  change: "archived" | "seen" | "snoozed" | "unarchived" | "unread" | "unsnoozed";
  until?: string | null;
  counts: InboxCounts;
}

/** A person has read these alerts of theirs or, with `upto`, all up to that one. On `user:<id>`. */
export interface AlertsRead {
  type: "notifications.alerts_read";
  ids?: number[];
  upto?: number;
  unread: number;
}

/** These alerts are taken back: no list has them any more. On the channels that they were sent to. */
export interface AlertsWithdrawn {
  type: "notifications.alerts_withdrawn";
  ids: number[];
}

/** An alert to everyone; with a `key` it may be sent again, and is stored once. */
export interface Broadcast {
  message: string;
  key?: string | null;
}

/** For how many alerts one stands, itself among them; `id` stays while others join. */
export interface Bundle {
  id: number;
  count: number;
}

/** Alerts of one kind and `group_by` that the person has muted; `label` is what the newest of them says. */
export interface BundleMessage {
  bundle: string;
  label: string;
  state: StateMessage;
  sentence: string;
}

/** Alerts of one bundle, newest first; `next` is the `before` of the part that follows, 0 where none does. */
export interface BundledAlerts {
  items: ListedAlert[];
  next: number;
}

/** How many jobs were not over yet: this one, and those that it has called. */
export interface CancelledJobs {
  cancelled: number;
}

/** Categories, by label. */
export interface CategoryList {
  items: NamedCategory[];
}

/** The kinds of a category, and until when none of them interrupts; of those without one the name is empty. */
export interface CategoryMessage {
  name: string;
  label: string;
  kinds: KindMessage[];
  muted_until: string | null;
}

/** Some alerts get another state. `until` is for `snooze` alone: a moment with its offset from UTC. */
export interface ChangeInbox {
  change: "archive" | "read" | "seen" | "snooze" | "unarchive" | "unread" | "unsnooze";
  ids: number[];
  until?: string | null;
}

/** What the caller chooses. `said_in` as of `preferences.get`. */
export interface ChangePreferences {
  language?: string | null;
  time_zone?: string | null;
  quiet?: HoursMessage | null;
  plan?: HoursMessage[] | null;
  choices?: WishMessage[];
  said_in?: string;
}

/** All alerts in the inbox up to this one are marked as read, or those that are read are archived. */
export interface ChangeWholeInbox {
  change: "archive_read" | "read";
  upto: number;
}

/** A channel that many share, what people call it, and whether what comes over it interrupts the person. */
export interface ChannelMessage {
  channel: string;
  label: string;
  state: StateMessage;
  sentence: string;
}

/** What the caller has chosen, now or before, and when. */
export interface Choice {
  action: string;
  at: string;
}

/** The caller chooses this action of this alert. */
export interface Choose {
  id: number;
  action: string;
}

/** Who published, came, left or is there. `user` is empty for guests. */
export interface ClientInfo {
  client: string;
  user: string;
  conn_info?: unknown;
  chan_info?: unknown;
}

/** One command. It has one of the requests; with none at all it is the answer to a ping. */
export interface Command {
  id?: number;
  connect?: Connect | null;
  subscribe?: Subscribe | null;
  unsubscribe?: Unsubscribe | null;
  publish?: Publish | null;
  presence?: Presence | null;
  presence_stats?: PresenceStats | null;
  history?: History | null;
  rpc?: Rpc | null;
  send?: Send | null;
  ping?: Ping | null;
  refresh?: Refresh | null;
  sub_refresh?: SubRefresh | null;
}

/** The first command: who is there. */
export interface Connect {
  token?: string;
  data?: unknown;
  subs?: Record<string, RecoverFrom>;
  name?: string;
  version?: string;
}

/** The answer to `connect`. `session` and `node` are for `/emulation`. */
export interface ConnectResult {
  client: string;
  version?: string;
  expires?: boolean;
  ttl?: number;
  data?: unknown;
  subs?: Record<string, SubscribeResult>;
  ping?: number;
  pong?: boolean;
  session?: string;
  node?: string;
}

/** How many alerts the caller has in each state. */
export type CountInbox = Record<string, never>;

/** A topic. `open`: the caller may follow and leave it; `followed`: its alerts are among the caller's. */
export interface DescribedTopic {
  name: string;
  title: string;
  description: string;
  open: boolean;
  followed: boolean;
}

/** The connection ends now, where the transport has no close code. */
export interface DisconnectPush {
  code: number;
  reason: string;
}

/** The answer to `unsubscribe`, `publish` and `ping`. */
export type Empty = Record<string, never>;

/** Why a command was not carried out. */
export interface ErrorResult {
  code: number;
  message: string;
  temporary?: boolean;
  retry_after?: number;
}

/** A room by the name that people call it. */
export interface FindRoom {
  name: string;
}

/** A room, as far as its clients need to know it. */
export interface FoundRoom {
  id: number;
  name: string;
  channel: string;
  may_write: boolean;
}

/** What a client of the caller heeds. */
export type GetHeeded = Record<string, never>;

/** What the caller can choose from. `said_in` as of `preferences.get`. */
export interface GetOffered {
  said_in?: string;
}

/** The preferences of the caller. `said_in`: the language of labels and sentences, if not the connection's. */
export interface GetPreferences {
  said_in?: string;
}

/** What a client heeds of a person's choices: of what many share, nothing is left out before it. A subject is `kind:NAME`, `category:NAME`, `plain` (of no kind), the channel over which it comes, or `bundle:NAME` with the `bundled_as` of an alert. */
export interface HeededChoices {
  hidden: string[];
  silent: string[];
  silent_until: Record<string, string>;
  always: string[];
  time_zone: string;
  quiet: HoursMessage | null;
  plan: HoursMessage[] | null;
}

/** What a channel keeps: its newest position, and up to `limit` publications after `since`. */
export interface History {
  channel: string;
  limit?: number;
  since?: Since | null;
  reverse?: boolean;
}

/** The answer to `history`: where the channel stands, and the publications asked for. */
export interface HistoryResult {
  publications: unknown[];
  epoch: string;
  offset: number;
}

/** Hours of the week, on the clock of the person. An end that is not later is on the next day. `days` are those on which they begin, Monday is 1. */
export interface HoursMessage {
  begin: string;
  end: string;
  days: number[];
}

/** Something that concerns a whole room. */
export interface InRoom {
  room: number;
}

/** These alerts are not as they were, and the inbox counts so many now. `more`: call again for others. */
export interface InboxChanged {
  ids: number[];
  counts: InboxCounts;
  more: boolean;
}

/** How many alerts a person has of each kind. Up to 99 a number is exact, 100 is 100 or more. */
export interface InboxCounts {
  unread: number;
  archived: number;
  snoozed: number;
  categories?: Record<string, number>;
}

/** An alert in a list of somebody's inbox. `archived_at`, `snoozed_until`: where it is instead of in there. */
export interface InboxItem {
  type: "notifications.notification_created";
  id: number;
  message: string;
  title: string;
  level: string;
  url: string;
  at: string;
  data?: unknown;
  topic?: TopicLabel;
  expires_at?: string;
  kind?: string;
  category?: string;
  icon?: string;
  silent?: boolean;
  texts?: Record<string, Texts>;
  actions?: OfferedAction[];
  bundle?: Bundle;
  bundled_as?: string;
  read: boolean;
  seen: boolean;
  chosen?: string;
  archived_at: string | null;
  snoozed_until: string | null;
  found_under?: number;
}

/** Alerts, newest first. `positions`, by channel, were read before them; `counts` are of the whole inbox. `next` is the `before` of the part that follows, 0 where none does. A search looks at 1,000 alerts at a time: a part may have few items, or none, and be followed by others. */
export interface InboxPart {
  items: InboxItem[];
  next: number;
  counts: InboxCounts;
  positions: Record<string, StreamPosition>;
}

/** A job is in another state. */
export interface JobChanged {
  type: "worker.job_changed";
  item: JobItem;
}

/** A job with its arguments, secrets masked, and the newest lines of its log. */
export interface JobDetails {
  item: JobItem;
  arguments: string;
  log: LogLine[];
}

/** A job as lists have it. Times are of the server; `runs` counts how often it began. */
export interface JobItem {
  id: string;
  title: string;
  task: string;
  state: string;
  user: string;
  created_at: string;
  started_at?: string | null;
  ended_at?: string | null;
  done?: number | null;
  total?: number | null;
  text?: string;
  result_text?: string;
  result_url?: string;
  error?: string;
  parent?: string;
  root?: string;
  runs?: number;
  cancelling?: boolean;
  cancellable?: boolean;
  place?: number | null;
  plain?: boolean;
}

/** Jobs, newest first; `more`: there are older ones. `position`, of the channel that goes on, was read before them; null: it is live only, or these are older ones. */
export interface JobList {
  items: JobItem[];
  position: StreamPosition | null;
  more: boolean;
}

/** The place of each in its queue, the next one is 1; of a plain task an estimate. What does not wait, stands far behind, or was overtaken, has none. */
export interface JobPlaces {
  places: Record<string, number>;
}

/** How far a running job is, with its newest lines. Not stored: what is missed comes with the next one. */
export interface JobProgressed {
  type: "worker.job_progressed";
  id: string;
  done?: number | null;
  total?: number | null;
  text?: string;
  lines?: LogLine[];
}

/** Somebody came or left. */
export interface JoinLeave {
  info: ClientInfo;
}

/** A kind, and a sentence that says what the person gets of it. */
export interface KindMessage {
  name: string;
  label: string;
  states: StateMessage[];
  sentence: string;
}

/** A language in which notifications can be read, by its code and by its name. */
export interface LanguageMessage {
  code: string;
  label: string;
}

/** A page of the caller's alerts; `before` goes on behind the last one of another page. */
export interface ListAlerts {
  before?: number;
  limit?: number;
}

/** The alerts for which one alert of the caller stands; `before` goes on where another part has said `next`. */
export interface ListBundle {
  id: number;
  before?: number;
  limit?: number;
}

/** In which categories alerts of the inbox can be looked for. */
export type ListCategories = Record<string, never>;

/** A part of the caller's inbox; `before` goes on where another part has said `next`. `all` are the alerts that are neither archived nor snoozed. `text` are words that an alert has all of. */
export interface ListInbox {
  state?: "all" | "archived" | "read" | "snoozed" | "unread";
  level?: "" | "debug" | "error" | "info" | "success" | "warning";
  category?: string;
  text?: string;
  before?: number;
  limit?: number;
}

/** The caller's newest jobs; with `all` those of everybody, for staff with the permission. `before` is the id of the last one read: those that stand behind it. */
export interface ListJobs {
  all?: boolean;
  before?: string;
}

/** A page of a room's messages; `before` goes on behind the first one of another page. */
export interface ListMessages {
  room: number;
  before?: number;
  limit?: number;
}

/** Jobs that wait in a queue. */
export interface ListPlaces {
  ids: string[];
}

/** All topics that the caller may know of. */
export type ListTopics = Record<string, never>;

/** An alert in a list: as it was sent, and whether the person has read it, or at least had it in view. */
export interface ListedAlert {
  type: "notifications.notification_created";
  id: number;
  message: string;
  title: string;
  level: string;
  url: string;
  at: string;
  data?: unknown;
  topic?: TopicLabel;
  expires_at?: string;
  kind?: string;
  category?: string;
  icon?: string;
  silent?: boolean;
  texts?: Record<string, Texts>;
  actions?: OfferedAction[];
  bundle?: Bundle;
  bundled_as?: string;
  read: boolean;
  seen: boolean;
  chosen?: string;
}

/** A line of a job's log. */
export interface LogLine {
  at: string;
  text: string;
}

/** All alerts up to this one were read. */
export interface MarkAllRead {
  upto: number;
}

/** Some alerts were read. */
export interface MarkRead {
  ids: number[];
}

/** Messages, oldest first. `more`: there are older ones. `position` was read before them. */
export interface MessagePage {
  items: MessagePosted[];
  more: boolean;
  position: StreamPosition;
}

/** Somebody wrote in the room. `key` is what the author's client called the message, if it did. Notices have no `user_id`, nor has what somebody wrote whose account is gone. */
export interface MessagePosted {
  type: "chat.message_posted";
  id: number;
  text: string;
  username: string;
  user_id?: string;
  at: string;
  key?: string;
}

/** Data for this client alone. */
export interface MessagePush {
  data: unknown;
}

/** These messages are gone, for good: no history has them any more. In the place of each of them stands one without ids. */
export interface MessagesRemoved {
  type: "chat.messages_removed";
  ids: number[];
}

/** A way in which notifications reach a person. */
export interface MethodMessage {
  name: string;
  label: string;
}

/** A category: `name` for programs, `label` for people. */
export interface NamedCategory {
  name: string;
  label: string;
}

/** One job. */
export interface NamedJob {
  id: string;
}

/** The empty result: `{}`. */
export type Nothing = Record<string, never>;

/** An alert was sent. On `everyone`, `user:<id>`, `group:<id>` or `topic:<name>`. */
export interface NotificationCreated {
  type: "notifications.notification_created";
  id: number;
  message: string;
  title: string;
  level: string;
  url: string;
  at: string;
  data?: unknown;
  topic?: TopicLabel;
  expires_at?: string;
  kind?: string;
  category?: string;
  icon?: string;
  silent?: boolean;
  texts?: Record<string, Texts>;
  actions?: OfferedAction[];
  bundle?: Bundle;
  bundled_as?: string;
}

/** A button of an alert: with a `url` it leads there, else it is chosen (`alerts.choose`). */
export interface OfferedAction {
  name: string;
  label: string;
  url?: string;
  style?: string;
}

/** Languages and time zones that a person can choose; null where they are chosen elsewhere in the product. `language` and `time_zone` are those of a person who has chosen none. */
export interface OfferedMessage {
  languages: LanguageMessage[] | null;
  time_zones: string[] | null;
  language: string;
  time_zone: string;
}

/** How many people are online now. Ephemeral, on `online`. */
export interface OnlineCounted {
  type: "presence.online_counted";
  count: number;
}

/** Queues, workers or failed jobs are not what they were. Not stored: the page loads them again. */
export interface OperationsChanged {
  type: "worker.operations_changed";
}

/** Who is in a room; `count` is of all, also where `people` has not all of them. */
export interface People {
  people: Person[];
  count: number;
}

/** The history of a periodic task is not what it was. Not stored: who was away loads it again. */
export interface PeriodicTaskChanged {
  type: "worker.periodic_task_changed";
  id: string;
}

/** Somebody in a room. */
export interface Person {
  username: string;
  user_id: string;
}

/** A logged-in person opened the room (their first tab). Ephemeral. */
export interface PersonJoined {
  type: "chat.person_joined";
  username: string;
  user_id?: string;
  at: string;
}

/** A logged-in person closed the room (their last tab). Ephemeral. */
export interface PersonLeft {
  type: "chat.person_left";
  username: string;
  user_id?: string;
  at: string;
}

/** A user is typing. Ephemeral; the simple endpoint does not show it. */
export interface PersonTyping {
  type: "chat.person_typing";
  username: string;
  user_id: string;
}

/** Whether the hub is there. */
export type Ping = Record<string, never>;

/** What is of no kind, and a sentence that says what the person gets of it. */
export interface PlainMessage {
  states: StateMessage[];
  sentence: string;
}

/** A message; with a `key` it may be sent again, and is stored once. */
export interface PostMessage {
  room: number;
  text: string;
  key?: string;
}

/** The stored message. */
export interface Posted {
  id: number;
  at: string;
}

/** A person has chosen something else. On `user:<id>`. */
export interface PreferencesChanged {
  type: "notifications.preferences_changed";
  hidden: string[];
  silent: string[];
  silent_until: Record<string, string>;
  always: string[];
  time_zone: string;
  quiet: HoursMessage | null;
  plan: HoursMessage[] | null;
}

/** What a person has chosen. A language or a time zone that is not chosen is empty, hours are null. `clock` is the time zone by which their hours go, chosen or not. `summary` says in sentences what holds for all that they get. */
export interface PreferencesMessage {
  language: string;
  time_zone: string;
  clock: string;
  quiet: HoursMessage | null;
  plan: HoursMessage[] | null;
  methods: MethodMessage[];
  categories: CategoryMessage[];
  plain: PlainMessage;
  channels: ChannelMessage[];
  bundles: BundleMessage[];
  summary: string[];
}

/** Who is subscribed to a channel. */
export interface Presence {
  channel: string;
}

/** The answer to `presence`, by client id. */
export interface PresenceResult {
  presence: Record<string, ClientInfo>;
}

/** How many are subscribed to a channel. */
export interface PresenceStats {
  channel: string;
}

/** The answer to `presence_stats`. */
export interface PresenceStatsResult {
  num_clients: number;
  num_users: number;
}

/** One item of a channel. `offset` is missing where it is live only. */
export interface Publication {
  data: unknown;
  offset?: number;
  info?: ClientInfo;
}

/** Publish to a channel. */
export interface Publish {
  channel: string;
  data?: unknown;
}

/** What the hub says by itself. Publications are not made here: see :mod:`hub.endpoints.centrifuge.encoder`. */
export interface Push {
  channel?: string;
  join?: JoinLeave;
  leave?: JoinLeave;
  subscribe?: SubscribeResult;
  unsubscribe?: UnsubscribePush;
  message?: MessagePush;
  disconnect?: DisconnectPush;
  pub?: Publication;
}

/** A push as it is framed. */
export interface Pushed {
  push: Push;
}

/** Where a client stands in a channel that the hub subscribed it to. */
export interface RecoverFrom {
  recover?: boolean;
  offset?: number;
  epoch?: string;
}

/** A new token for the connection. */
export interface Refresh {
  token?: string;
}

/** The answer to `refresh`. */
export interface RefreshResult {
  client?: string;
  expires?: boolean;
  ttl?: number;
}

/** The answer to the command with this id; it has one of the others. */
export interface Reply {
  id: number;
  error?: ErrorResult;
  connect?: ConnectResult;
  subscribe?: SubscribeResult;
  unsubscribe?: Empty;
  publish?: Empty;
  presence?: PresenceResult;
  presence_stats?: PresenceStatsResult;
  history?: HistoryResult;
  rpc?: RpcResult;
  ping?: Empty;
  refresh?: RefreshResult;
  sub_refresh?: SubRefreshResult;
}

/** A row was made, or has come into the channel. */
export interface RowCreated {
  type: "live_rows.row_created";
  item: Record<string, unknown>;
}

/** A row was deleted, or has left the channel; `removed` is its key. */
export interface RowDeleted {
  type: "live_rows.row_deleted";
  removed: unknown;
}

/** A row of the channel has changed. */
export interface RowUpdated {
  type: "live_rows.row_updated";
  item: Record<string, unknown>;
}

/** Call a method that an app has registered. */
export interface Rpc {
  method?: string;
  data?: unknown;
}

/** The answer to `rpc`. */
export interface RpcResult {
  data?: unknown;
}

/** A schedule or its history is not what it was; it may be gone. Not stored: who was away loads it again. */
export interface ScheduleChanged {
  type: "worker.schedule_changed";
  id: string;
}

/** Data without an answer. */
export interface Send {
  data?: unknown;
}

/** A place in a channel's history; an empty epoch means the present one. */
export interface Since {
  offset?: number;
  epoch?: string;
}

/** Whether the person gets it by this method; `fixed`: that cannot be chosen; `until` when it is off. `default` is whether who has chosen nothing gets it. */
export interface StateMessage {
  method: string;
  on: boolean;
  fixed: boolean;
  until: string | null;
  default: boolean;
}

/** Where a channel stands: subscribe from it, or read its history from there on. */
export interface StreamPosition {
  epoch: string;
  offset: number;
}

/** A new token for a subscription. */
export interface SubRefresh {
  channel: string;
  token?: string;
}

/** The answer to `sub_refresh`. */
export interface SubRefreshResult {
  expires?: boolean;
  ttl?: number;
}

/** Receive the publications of a channel, and with `recover` those after `offset` of `epoch` too. */
export interface Subscribe {
  channel: string;
  token?: string;
  recover?: boolean;
  offset?: number;
  epoch?: string;
  recoverable?: boolean;
  positioned?: boolean;
  join_leave?: boolean;
  flag?: number;
  type?: number;
  tf?: unknown;
}

/** The answer to `subscribe`, and a subscription by the hub in `connect`'s. */
export interface SubscribeResult {
  expires?: boolean;
  ttl?: number;
  recoverable?: boolean;
  epoch?: string;
  publications?: unknown[];
  recovered?: boolean;
  offset?: number;
  positioned?: boolean;
  data?: unknown;
  was_recovering?: boolean;
}

/** What an alert says in one language. */
export interface Texts {
  title: string;
  message: string;
}

/** A person follows a topic from now on. On `user:<id>`. */
export interface TopicFollowed {
  type: "notifications.topic_followed";
  name: string;
}

/** A topic as alerts name it: `name` for programs, `title` for people. */
export interface TopicLabel {
  name: string;
  title: string;
}

/** Topics, by title. */
export interface TopicList {
  items: DescribedTopic[];
}

/** One topic. */
export interface TopicName {
  name: string;
}

/** A person follows a topic no more. On `user:<id>`. */
export interface TopicUnfollowed {
  type: "notifications.topic_unfollowed";
  name: string;
}

/** How many alerts the caller has not read, counted to 100. */
export interface Unread {
  unread: number;
}

/** Receive no more of a channel. */
export interface Unsubscribe {
  channel: string;
}

/** The hub ended a subscription. */
export interface UnsubscribePush {
  code: number;
  reason: string;
}

/** A person wants something by a method: a kind, all kinds of a category, all over a channel, or all of no kind. `default`, with `on` null, takes back all that was chosen of a kind, a category or what is of no kind: it is as the kind says by itself. `alert` is an alert of theirs: all of its kind and `group_by`, which `bundle` names where they are muted. Off `until` then is as before after it. */
export interface WishMessage {
  method: string;
  on: boolean | null;
  kind?: string;
  category?: string;
  channel?: string;
  plain?: boolean;
  until?: string | null;
  alert?: number;
  bundle?: string;
  default?: boolean;
}

/** What is published, by its type. */
export interface Publications {
  "chat.message_posted": MessagePosted;
  "chat.messages_removed": MessagesRemoved;
  "chat.person_joined": PersonJoined;
  "chat.person_left": PersonLeft;
  "chat.person_typing": PersonTyping;
  "live_rows.row_created": RowCreated;
  "live_rows.row_deleted": RowDeleted;
  "live_rows.row_updated": RowUpdated;
  "notifications.action_chosen": ActionChosen;
  "notifications.alert_returned": AlertReturned;
  "notifications.alerts_changed": AlertsChanged;
  "notifications.alerts_read": AlertsRead;
  "notifications.alerts_withdrawn": AlertsWithdrawn;
  "notifications.notification_created": NotificationCreated;
  "notifications.preferences_changed": PreferencesChanged;
  "notifications.topic_followed": TopicFollowed;
  "notifications.topic_unfollowed": TopicUnfollowed;
  "presence.online_counted": OnlineCounted;
  "worker.job_changed": JobChanged;
  "worker.job_progressed": JobProgressed;
  "worker.operations_changed": OperationsChanged;
  "worker.periodic_task_changed": PeriodicTaskChanged;
  "worker.schedule_changed": ScheduleChanged;
}

/** The methods that a client may call. */
export interface Methods {
  "alerts.broadcast": { params: Broadcast; answer: Nothing };
  "alerts.choose": { params: Choose; answer: Choice };
  "alerts.list": { params: ListAlerts; answer: AlertPage };
  "alerts.mark_all_read": { params: MarkAllRead; answer: Unread };
  "alerts.mark_read": { params: MarkRead; answer: Unread };
  "chat.messages": { params: ListMessages; answer: MessagePage };
  "chat.people": { params: InRoom; answer: People };
  "chat.post": { params: PostMessage; answer: Posted };
  "chat.room": { params: FindRoom; answer: FoundRoom };
  "chat.typing": { params: InRoom; answer: Nothing };
  "inbox.bundle": { params: ListBundle; answer: BundledAlerts };
  "inbox.categories": { params: ListCategories; answer: CategoryList };
  "inbox.change": { params: ChangeInbox; answer: InboxChanged };
  "inbox.change_all": { params: ChangeWholeInbox; answer: InboxChanged };
  "inbox.counts": { params: CountInbox; answer: InboxCounts };
  "inbox.list": { params: ListInbox; answer: InboxPart };
  "jobs.cancel": { params: NamedJob; answer: CancelledJobs };
  "jobs.get": { params: NamedJob; answer: JobDetails };
  "jobs.list": { params: ListJobs; answer: JobList };
  "jobs.places": { params: ListPlaces; answer: JobPlaces };
  "preferences.change": { params: ChangePreferences; answer: PreferencesMessage };
  "preferences.get": { params: GetPreferences; answer: PreferencesMessage };
  "preferences.heeded": { params: GetHeeded; answer: HeededChoices };
  "preferences.offered": { params: GetOffered; answer: OfferedMessage };
  "topics.follow": { params: TopicName; answer: DescribedTopic };
  "topics.list": { params: ListTopics; answer: TopicList };
  "topics.unfollow": { params: TopicName; answer: DescribedTopic };
}

/** What a method takes; any object where an app of the product has it. */
export type Params<M extends string> = M extends keyof Methods ? Methods[M]["params"] : object;

/** What a method answers. */
// biome-ignore lint/suspicious/noExplicitAny: of methods that an app of the product has nothing is known
export type Answer<M extends string> = M extends keyof Methods ? Methods[M]["answer"] : any;

/** What a client may send without an answer. */
export type Sends = Record<string, never>;
