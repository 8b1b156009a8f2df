// The sentences of the shop's page.
import { texts } from './stepcast.js';
import { say, teach } from './texts.js';

teach({
  en: {
    pageTitle: 'Stepcast: shop', skipShop: 'Skip to the order', shopTitle: 'Orders that always end',
    shopLead: 'Four services carry an order over seven topics. Watch every step, make one fail, and see it taken back.',
    products: 'Products', productsCount: (n) => `${n}`, left: (n) => `${n} left`, soldOut: 'Sold out', add: 'Add', addNamed: (name) => `Add ${name} to the cart`,
    cart: 'Cart', cartNone: 'It is empty. Put something in.', cartCount: (n) => `${n}`, total: (sum) => `${sum}`, less: (name) => `One ${name} less`, more1: (name) => `One ${name} more`,
    remove: 'Remove', removeNamed: (name) => `Remove ${name}`, backToNow: 'Back to now', cartThen: (v, of, time) => `After change ${v} of ${of}, ${time}`, cartHead: (of) => `Now, after ${of} changes`,
    address: 'Deliver to', addressDefault: 'Gangnam-gu, Seoul', checkOut: 'Order',
    theOrder: 'The order', orderNone: 'There is no order yet', orderNoneText: 'Fill the cart and order, or make one fail.', orderOf: (sum, time) => `${sum} · placed ${time}`,
    orderLabel: (sum) => `Order of ${sum}`, saga: 'The order’s way through the services', cancelOrder: 'Cancel the order', seeTrace: 'Its messages', seeStream: 'Its stream', reasonWas: (why) => `Cancelled: ${why}`,
    PENDING: 'Placed', STOCK_RESERVED: 'Reserved', PAID: 'Paid', CONFIRMED: 'Confirmed', SHIPPED: 'Shipped', CANCELLED: 'Cancelled',
    placed: 'Placed', reserved: 'Stock reserved', paid: 'Paid', confirmed: 'Confirmed', shipped: 'Shipped',
    undoPENDING: 'Order cancelled', undoSTOCK_RESERVED: 'Stock given back', undoPAID: 'Money given back',
    makeItFail: 'Make it fail', makeItFailLead: 'Each button places an order of one laptop that goes wrong in its own way.',
    declined: 'Declined card', declinedText: 'The payment is refused; the stock goes back.', noStock: 'No stock', noStockText: 'More than there is: nothing is reserved.',
    timeOut: 'Time-out', timeOutText: 'The provider never answers; the order waits, then ends.', lostReply: 'Lost reply', lostReplyText: 'It charges and its answer is lost. Asked again, it charges once.',
    midway: 'Cancel midway', midwayText: 'You cancel while the payment is under way.',
    orders: 'My orders', ordersNone: 'None yet.', ordersCount: (n) => `${n}`,
    notices: 'Notifications', noticesNone: 'Nothing yet: the first order tells of itself here.', readAll: 'All read', unread: (n) => `${n} new`,
    ORDER_CREATED: 'Your order has been received', ORDER_FAILED: 'Your order has been cancelled', PAYMENT_COMPLETED: 'Your payment has been made',
    customer: 'Customer', customerHint: 'Cart, orders and notifications belong to this name.',
    declinedWhy: 'the payment was declined', silentWhy: 'the payment provider did not answer', customerWhy: 'by the customer', lateWhy: 'it took too long', stockWhy: 'not enough in stock',
    offline: 'The server cannot be reached', mayRetry: (why) => `${why}. Send it again: it counts only once.`,
    'unknown-product': 'There is no such product', 'empty-cart': 'The cart is empty', 'already-shipped': 'The order has been shipped already', 'not-owner': 'That belongs to somebody else',
    'store-full': 'The server’s store is full', 'store-unavailable': 'The server cannot write at the moment', rebuilding: 'The server is still reading what it has stored', 'unknown-version': 'It does not go back that far',
  },
  ko: {
    pageTitle: 'Stepcast: 쇼핑', skipShop: '주문으로 건너뛰기', shopTitle: '반드시 끝나는 주문',
    shopLead: '네 서비스가 일곱 토픽으로 주문을 나릅니다. 모든 단계를 지켜보고, 일부러 실패시킨 뒤 되돌려지는 과정을 확인해 보세요.',
    products: '상품', productsCount: (n) => `${n}개`, left: (n) => `${n}개 남음`, soldOut: '품절', add: '담기', addNamed: (name) => `${name} 장바구니에 담기`,
    cart: '장바구니', cartNone: '비어 있습니다. 상품을 담아 보세요.', cartCount: (n) => `${n}종`, total: (sum) => `합계 ${sum}`, less: (name) => `${name} 하나 빼기`, more1: (name) => `${name} 하나 더하기`,
    remove: '삭제', removeNamed: (name) => `${name} 삭제`, backToNow: '현재로 돌아가기', cartThen: (v, of, time) => `변경 ${of}번 중 ${v}번째, ${time}`, cartHead: (of) => `현재, 변경 ${of}번`,
    address: '배송지', addressDefault: '서울시 강남구', checkOut: '주문하기',
    theOrder: '주문', orderNone: '아직 주문이 없습니다', orderNoneText: '장바구니에 담아 주문하거나, 일부러 실패시켜 보세요.', orderOf: (sum, time) => `${sum} · ${time} 주문`,
    orderLabel: (sum) => `${sum} 주문`, saga: '서비스를 지나는 주문의 경로', cancelOrder: '주문 취소', seeTrace: '이 주문의 메시지', seeStream: '이 주문의 스트림', reasonWas: (why) => `취소됨: ${why}`,
    PENDING: '접수됨', STOCK_RESERVED: '재고 예약됨', PAID: '결제됨', CONFIRMED: '확정됨', SHIPPED: '배송됨', CANCELLED: '취소됨',
    placed: '주문 접수', reserved: '재고 예약', paid: '결제', confirmed: '주문 확정', shipped: '배송',
    undoPENDING: '주문 취소', undoSTOCK_RESERVED: '재고 해제', undoPAID: '결제 환불',
    makeItFail: '일부러 실패시키기', makeItFailLead: '버튼마다 노트북 한 대를 주문하고, 서로 다른 방식으로 실패합니다.',
    declined: '카드 거절', declinedText: '결제가 거절되고 재고가 해제됩니다.', noStock: '재고 부족', noStockText: '있는 것보다 많이 주문해 아무것도 예약되지 않습니다.',
    timeOut: '응답 없음', timeOutText: '결제사가 끝내 답하지 않습니다. 기다렸다가 끝냅니다.', lostReply: '응답 유실', lostReplyText: '결제는 되었지만 응답이 사라집니다. 다시 물어도 한 번만 결제됩니다.',
    midway: '중간에 취소', midwayText: '결제가 진행되는 동안 주문을 취소합니다.',
    orders: '내 주문', ordersNone: '아직 없습니다.', ordersCount: (n) => `${n}건`,
    notices: '알림', noticesNone: '아직 없습니다. 첫 주문의 소식이 여기에 나타납니다.', readAll: '모두 읽음', unread: (n) => `새 알림 ${n}`,
    ORDER_CREATED: '주문이 접수되었습니다', ORDER_FAILED: '주문이 취소되었습니다', PAYMENT_COMPLETED: '결제가 완료되었습니다',
    customer: '고객', customerHint: '장바구니와 주문, 알림은 이 이름에 속합니다.',
    declinedWhy: '결제가 거절되었습니다', silentWhy: '결제사가 응답하지 않았습니다', customerWhy: '고객이 취소했습니다', lateWhy: '시간이 초과되었습니다', stockWhy: '재고가 부족합니다',
    offline: '서버에 연결할 수 없습니다', mayRetry: (why) => `${why}. 다시 보내도 한 번만 처리됩니다.`,
    'unknown-product': '없는 상품입니다', 'empty-cart': '장바구니가 비어 있습니다', 'already-shipped': '이미 배송된 주문입니다', 'not-owner': '다른 사람의 것입니다',
    'store-full': '서버의 저장소가 가득 찼습니다', 'store-unavailable': '서버가 지금 저장할 수 없습니다', rebuilding: '서버가 저장된 내용을 아직 읽고 있습니다', 'unknown-version': '그때까지는 되돌아갈 수 없습니다',
  },
});
Object.assign(texts.en.steps, { '재고 예약': 'Stock reserved', '결제 완료': 'Paid', '주문 확정': 'Order confirmed', '주문 취소': 'Order cancelled' });

// The services give reasons in Korean.
const reasons = { '결제 거절': 'declinedWhy', '결제 응답 없음': 'silentWhy', '고객 취소': 'customerWhy', '시간 초과': 'lateWhy' };
export const whyOf = (reason) => (reason.startsWith('재고 부족') ? say('stockWhy') : reasons[reason] ? say(reasons[reason]) : reason);
