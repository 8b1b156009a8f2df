// Which language is spoken now, and the sentences of all pages and of the first one; the others teach theirs.
import { texts } from './stepcast.js';

const sentences = {
  en: {
    pageTitle: 'Stepcast: live progress', skip: 'Skip to my tasks', language: 'Language',
    pages: 'Pages', navProgress: 'Progress', navBank: 'Bank', navShop: 'Shop', navFlow: 'Flow', navStreams: 'Streams',
    title: 'Place an order, watch it arrive',
    lead: 'Every step shows up the moment it happens. Drop off and come back: you have missed nothing.',
    newOrder: 'New order', product: 'Product', productDefault: 'Laptop', quantity: 'Quantity', order: 'Order',
    quantityHint: 'Order more than is in stock to see a task fail.',
    who: 'I am', whoHint: 'Your tasks belong to this name. Open this page anywhere with the same name and see the same tasks.',
    tasks: 'My tasks', running: (n) => `${n} running`, emptyTitle: 'Nothing is running yet',
    emptyText: 'Press “Order” and the first step appears here at once.',
    more: (n) => `${n} older tasks are not shown.`, details: 'History', slider: 'Back in time', version: 'No.', time: 'Time', step: 'Step',
    then: (v, of) => `State after event ${v} of ${of}`, all: (n) => `Show ${n} more`, fewer: 'Show fewer', gone: 'This part of the history has expired.', historyOf: (name) => `History of ${name}`,
    connecting: 'Connecting', open: 'Live', reconnecting: 'Reconnecting', paused: 'Plug pulled', ended: 'Ended',
    orderFailed: (why) => `The order was not accepted: ${why}`, offline: 'the server cannot be reached', demo: 'Plug demo',
    plug: 'Pull the plug', plugLead: 'One order, two connections, both cut in the middle. See what each of them knows afterwards.',
    plugStart: 'Order and pull the plug', plugAgain: 'Once more', plugName: 'Plug',
    v1: 'Plain SSE (V1)', v1Lead: 'Pushes messages. What is sent while you are away is gone.',
    v2: 'Stepcast (V2)', v2Lead: 'Remembers where you were and sends the rest.',
    plugIdle: '', plugOrdering: 'The order is on its way…', plugSoon: 'Both see the first steps. The plug is pulled in a moment.',
    plugCut: 'Both connections are cut. The server goes on working. Put the plug back in whenever you like.',
    plugBack: 'Both are connected again.', plugError: 'The demo could not start: the server did not answer.',
    live: 'seen live', caught: 'caught up', missed: 'missed', ahead: 'not yet', unknown: 'knows nothing of it',
    verdictWait: (n, of) => `${n} of ${of} steps so far`, verdictAll: (of) => `All ${of} steps, none missing.`,
    verdictLost: (n, of, at) => `${n} of ${of} steps. Believes the order stands at ${at}%.`,
    verdictGap: (n, of) => `${n} of ${of} steps. The others are gone for good.`,
    tail: 'Live events', tailLead: 'Every message of your stream, as it comes over the wire.', tailEmpty: 'Waiting for the first message…',
    pause: 'Pause', goOn: 'Go on', clear: 'Clear',
    monitor: 'Server', monitorLead: 'What the server says about itself, every five seconds while you look.', monitorDown: 'No answer from the server.',
    yours: 'From your own program, on your own page', yoursSend: 'Send progress from anywhere; it shows up above.',
    signTitle: 'Sign in', signLead: 'This server shows everybody only what is theirs.',
    signEnded: 'Your session has ended. Sign in again and the page goes on where it stopped.',
    signName: 'Name', signPassword: 'Password', signDemo: 'For trying out: any name and any password will do.', signIn: 'Sign in',
    signToken: 'Token', signTokenHint: 'From your identity provider, or made by “stepcast token new”.', signWithToken: 'Sign in with the token',
    signNoToken: 'This is no token: it holds other characters than a token has.',
    signedAs: 'Signed in as', signedUntil: (time) => `until ${time}`, signOut: 'Sign out', signedOut: 'Signed out',
    emptyOut: 'Your tasks are yours alone', emptyOutText: 'Sign in and they show up here.', monitorAdmins: 'Only administrators see these numbers (scope admin).',
    'invalid-token': 'The server does not accept this token', 'wrong-password': 'Enter a password: any will do.',
    'insecure': 'A session needs https; plain http has one on localhost only.', 'token-too-long': 'The token is longer than a browser’s cookie may be (3,800 characters).',
    'no-session': 'This is the key of a worker, not the token of a user.', 'demo-only': 'Signing in for trying out works on the server’s own machine only.',
    'service-away': 'A service is away; what was taken goes on once it is back', 'service-broke-off': 'A service broke off in the middle',
    yoursShow: 'Show it on any page with two lines.', yes: 'yes', no: 'no',
  },
  ko: {
    pageTitle: 'Stepcast: 실시간 진행률', skip: '내 작업으로 건너뛰기', language: '언어',
    pages: '페이지', navProgress: '진행률', navBank: '은행', navShop: '쇼핑', navFlow: '흐름', navStreams: '스트림',
    title: '주문하고, 끝까지 지켜보세요',
    lead: '모든 단계가 일어나는 순간 화면에 나타납니다. 연결이 끊겼다 돌아와도 놓치는 것이 없습니다.',
    newOrder: '새 주문', product: '상품', productDefault: '노트북', quantity: '수량', order: '주문하기',
    quantityHint: '재고보다 많이 주문하면 실패하는 작업도 볼 수 있습니다.',
    who: '사용자', whoHint: '작업은 이 이름에 속합니다. 다른 곳에서 같은 이름으로 열면 같은 작업이 보입니다.',
    tasks: '내 작업', running: (n) => `${n}건 진행 중`, emptyTitle: '아직 진행 중인 작업이 없습니다',
    emptyText: '‘주문하기’를 누르면 첫 단계가 바로 여기에 나타납니다.',
    more: (n) => `이전 작업 ${n}건은 표시하지 않았습니다.`, details: '히스토리', slider: '시간 되돌리기', version: '번호', time: '시각', step: '단계',
    then: (v, of) => `이벤트 ${of}개 중 ${v}번째까지의 상태`, all: (n) => `${n}건 더 보기`, fewer: '줄이기', gone: '이 부분의 히스토리는 보관 기간이 지났습니다.', historyOf: (name) => `${name} 히스토리`,
    connecting: '연결 중', open: '실시간', reconnecting: '다시 연결 중', paused: '플러그 뽑힘', ended: '끝남',
    orderFailed: (why) => `주문이 접수되지 않았습니다: ${why}`, offline: '서버에 연결할 수 없습니다', demo: '플러그 시연',
    plug: '플러그 뽑기', plugLead: '주문 하나를 두 연결로 받다가 중간에 둘 다 끊습니다. 돌아온 뒤 각각 무엇을 알고 있는지 비교해 보세요.',
    plugStart: '주문하고 플러그 뽑기', plugAgain: '다시 해 보기', plugName: '플러그',
    v1: '기존 SSE (V1)', v1Lead: '보내기만 합니다. 자리를 비운 사이의 소식은 사라집니다.',
    v2: 'Stepcast (V2)', v2Lead: '어디까지 보았는지 기억하고 나머지를 보내 줍니다.',
    plugIdle: '', plugOrdering: '주문을 보내는 중…', plugSoon: '둘 다 첫 단계를 보고 있습니다. 곧 플러그를 뽑습니다.',
    plugCut: '두 연결이 모두 끊겼고 서버는 계속 일합니다. 원할 때 플러그를 다시 꽂으세요.',
    plugBack: '둘 다 다시 연결되었습니다.', plugError: '시연을 시작하지 못했습니다. 서버가 응답하지 않습니다.',
    live: '실시간', caught: '따라잡음', missed: '놓침', ahead: '아직', unknown: '알지 못함',
    verdictWait: (n, of) => `지금까지 ${of}단계 중 ${n}단계`, verdictAll: (of) => `${of}단계 모두, 빠짐없이 알고 있습니다.`,
    verdictLost: (n, of, at) => `${of}단계 중 ${n}단계. 주문이 아직 ${at}%라고 믿고 있습니다.`,
    verdictGap: (n, of) => `${of}단계 중 ${n}단계. 나머지는 영영 알 수 없습니다.`,
    tail: '실시간 이벤트', tailLead: '내 스트림으로 들어오는 모든 메시지를 그대로 보여 줍니다.', tailEmpty: '첫 메시지를 기다리는 중…',
    pause: '멈춤', goOn: '계속', clear: '지우기',
    monitor: '서버', monitorLead: '서버가 스스로 말하는 상태입니다. 보고 있는 동안 5초마다 새로 읽습니다.', monitorDown: '서버가 응답하지 않습니다.',
    yours: '내 프로그램에서, 내 페이지에', yoursSend: '어디서든 진행률을 보내면 위에 바로 나타납니다.',
    signTitle: '로그인', signLead: '이 서버는 본인의 것만 보여 줍니다.',
    signEnded: '세션이 끝났습니다. 다시 로그인하면 멈춘 곳부터 이어집니다.',
    signName: '이름', signPassword: '비밀번호', signDemo: '체험용입니다. 이름과 비밀번호는 아무것이나 됩니다.', signIn: '로그인',
    signToken: '토큰', signTokenHint: '인증 서버에서 받았거나 ‘stepcast token new’로 만든 토큰입니다.', signWithToken: '토큰으로 로그인',
    signNoToken: '토큰이 아닙니다. 토큰에 쓰이지 않는 문자가 있습니다.',
    signedAs: '로그인한 사용자', signedUntil: (time) => `${time}까지`, signOut: '로그아웃', signedOut: '로그아웃됨',
    emptyOut: '작업은 본인만 볼 수 있습니다', emptyOutText: '로그인하면 여기에 나타납니다.', monitorAdmins: '관리자만 볼 수 있는 정보입니다(admin 권한).',
    'invalid-token': '서버가 이 토큰을 받아들이지 않습니다', 'wrong-password': '비밀번호를 입력하세요. 아무것이나 됩니다.',
    'insecure': '세션은 https에서만 됩니다. http는 localhost에서만 가능합니다.', 'token-too-long': '토큰이 브라우저 쿠키에 담기에는 너무 깁니다(3,800자까지).',
    'no-session': '작업 프로그램용 키입니다. 사용자 토큰이 필요합니다.', 'demo-only': '체험 로그인은 서버가 있는 컴퓨터에서만 됩니다.',
    'service-away': '서비스 하나가 자리를 비웠습니다. 접수된 일은 돌아오면 이어집니다', 'service-broke-off': '서비스가 처리 도중에 끊겼습니다',
    yoursShow: '두 줄이면 어떤 페이지에서도 보여 줄 수 있습니다.', yes: '예', no: '아니요', 
  },
};

// The names of the server's numbers, as far as their keys do not speak for themselves.
const numbers = {
  en: { residentBytes: 'memory', openFds: 'open files', uptimeSeconds: 'uptime', cpuSeconds: 'CPU time', maxBytes: 'limit', bytes: 'size', rebuiltPercent: 'rebuilt %' },
  ko: {
    store: '저장소', bus: '버스', broadcaster: '브로드캐스터', sessions: '세션', tasks: '작업', process: '프로세스', kind: '종류', epoch: '에포크', position: '위치',
    events: '이벤트', streams: '스트림', bytes: '크기', maxBytes: '한도', committed: '저장됨', deduplicated: '중복 제거', expired: '만료', paused: '일시 정지', connected: '연결됨',
    produced: '발행됨', lag: '지연', ordersInFlight: '처리 중인 주문', rebuiltPercent: '재구축 %', partitions: '파티션', partition: '파티션', topic: '토픽', group: '그룹', head: '끝',
    open: '열림', closed: '닫힘', connections: '연결', lanes: '레인', ringSize: '링 크기', frames: '프레임', coalesced: '합쳐짐', lapped: '추월됨', stalled: '정체', version: '버전',
    uptimeSeconds: '가동 시간', cpuSeconds: 'CPU 시간', residentBytes: '메모리', openFds: '열린 파일', threads: '스레드',
  },
};

/** What a key of the monitor is called; what is not known is taken apart: ordersInFlight, orders in flight. */
export const nameOf = (key) => numbers[lang][key] ?? key.replace(/([a-z])([A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`).replace(/_/g, ' ');

/** What this browser remembers; a browser that forbids it simply forgets. */
export const memory = {
  get(key) { try { return localStorage.getItem('stepcast.' + key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem('stepcast.' + key, value); } catch { /* private mode */ } },
};

const remembered = memory.get('lang');
export let lang = Object.hasOwn(sentences, remembered) ? remembered : navigator.language.startsWith('ko') ? 'ko' : 'en';

/** Adds the sentences of a page, by language; they beat those of the same name. */
export function teach(more) {
  for (const [name, added] of Object.entries(more)) Object.assign(sentences[name], added);
}

/** The sentence in the spoken language; with arguments where it has some. */
export const say = (key, ...values) => {
  const sentence = sentences[lang][key] ?? key;
  return typeof sentence === 'function' ? sentence(...values) : sentence;
};

const amounts = {};
/** Whole won as people write them; a BigInt too. */
export const won = (amount) => (amounts[lang] ??= new Intl.NumberFormat(lang, { style: 'currency', currency: 'KRW' })).format(amount);

/** A time of today without its date. */
export function clock(timestamp) {
  const time = new Date(timestamp);
  const today = time.toDateString() === new Date().toDateString();
  return time.toLocaleString(lang, { hourCycle: 'h23', timeStyle: 'medium', dateStyle: today ? undefined : 'medium' });
}

// The steps of orders and transfers are named in Korean in the events themselves.
texts.en.steps = {
  '주문 접수': 'Order received', '주문 검증': 'Checking the order', '재고 확인': 'Checking the stock', '결제 처리': 'Taking the payment', '주문 완료': 'Order complete',
  '이체 접수': 'Transfer received', '출금 완료': 'Money taken', '입금 거절': 'The other account refused it', '이체 완료': 'Transfer complete', '환불 완료': 'Money is back', '출금 거절': 'Nothing was taken', '처리 중단': 'Stuck',
  '계좌 다시 쌓기': 'Folding the accounts anew', '계좌 비교': 'Comparing the accounts', '계좌 교체 완료': 'The accounts are exchanged',
};
export const stepWords = (name) => (Object.hasOwn(texts[lang].steps ?? {}, name) ? texts[lang].steps[name] : name);

const listeners = new Set();
/** Calls `listener` now and whenever the language changes. */
export function whenSpoken(listener) {
  listeners.add(listener);
  listener();
}

/** Fills in everything below `root` that asks for a sentence by data-text or data-label. */
export function translate(root) {
  for (const node of root.querySelectorAll('[data-text]')) node.textContent = say(node.dataset.text);
  for (const node of root.querySelectorAll('[data-label]')) node.setAttribute('aria-label', say(node.dataset.label));
}

export function speak(next) {
  lang = next;
  memory.set('lang', next);
  document.documentElement.lang = next;
  document.title = say('pageTitle');
  translate(document);
  for (const listener of listeners) listener();
}
