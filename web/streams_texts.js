// The sentences of the operators' page.
import { teach } from './texts.js';

teach({
  en: {
    pageTitle: 'Stepcast: streams', skipStreams: 'Skip to the stream', streamsTitle: 'What really happened',
    streamsLead: 'Any stream as it is stored: its events, what came with them, and the state after each.',
    find: 'Find a stream', streamName: 'Stream', showIt: 'Show', findHint: 'Category and id: account-ACC-001, transfer-…, progress-…', recent: 'Lately:',
    log: 'Events', logMore: (n) => `The newest ${n} are shown.`, count: (n) => `${n}`, type: 'Type', stored: 'Stored',
    stateAt: (v, of) => `After event ${v} of ${of}`, changes: 'What this event changed', place: 'Place', before: 'Before', after: 'After',
    noChanges: 'Nothing that the state shows.', noBefore: 'The version before is kept no more, so nothing can be compared.', noState: 'Streams of this category are not folded into a state.',
    meta: 'The event', request: 'All messages of its request', state: 'State', data: 'Data', eventId: 'id', position: 'position', recordedAt: 'stored', subject: 'about', schemaVersion: 'schema',
    correlationId: 'correlation', causationId: 'cause', traceparent: 'trace', actor: 'by',
    'unknown-stream': 'There is no such stream', 'unknown-version': 'The stream has not come so far', 'version-gone': 'Events of that age are kept no more',
    'missing-scope': 'Only operators may look at streams: the token needs the scope admin', 'admin-needs-auth': 'Without sign-in streams are shown on the server’s own machine only',
    offline: 'The server cannot be reached', 'store-unavailable': 'The server cannot read at the moment',
  },
  ko: {
    pageTitle: 'Stepcast: 스트림', skipStreams: '스트림으로 건너뛰기', streamsTitle: '실제로 일어난 일',
    streamsLead: '어떤 스트림이든 저장된 그대로 봅니다. 이벤트와 함께 온 정보, 그리고 이벤트마다의 상태까지.',
    find: '스트림 찾기', streamName: '스트림', showIt: '보기', findHint: '카테고리와 아이디: account-ACC-001, transfer-…, progress-…', recent: '최근:',
    log: '이벤트', logMore: (n) => `최근 ${n}개만 표시합니다.`, count: (n) => `${n}개`, type: '종류', stored: '저장 시각',
    stateAt: (v, of) => `이벤트 ${of}개 중 ${v}번째까지`, changes: '이 이벤트가 바꾼 것', place: '위치', before: '이전', after: '이후',
    noChanges: '상태에 보이는 변화는 없습니다.', noBefore: '바로 앞 버전이 더는 남아 있지 않아 비교할 수 없습니다.', noState: '이 카테고리의 스트림은 상태로 접지 않습니다.',
    meta: '이벤트', request: '이 요청의 모든 메시지', state: '상태', data: '데이터', eventId: '아이디', position: '위치', recordedAt: '저장 시각', subject: '대상', schemaVersion: '스키마',
    correlationId: '상관 아이디', causationId: '원인', traceparent: '추적', actor: '행위자',
    'unknown-stream': '없는 스트림입니다', 'unknown-version': '스트림이 아직 거기까지 가지 않았습니다', 'version-gone': '그만큼 오래된 이벤트는 남아 있지 않습니다',
    'missing-scope': '운영자만 스트림을 볼 수 있습니다. 토큰에 admin 권한이 필요합니다', 'admin-needs-auth': '로그인을 쓰지 않는 서버의 스트림은 서버가 있는 컴퓨터에서만 볼 수 있습니다',
    offline: '서버에 연결할 수 없습니다', 'store-unavailable': '서버가 지금 읽을 수 없습니다',
  },
});
