//! Messages.

use store::{Channel, Message};

use crate::subject::{Subject, end, heard, marker, notice};

pub(crate) async fn messages_come_in_order_to_everyone(board: &Subject) {
    let mut listeners = [
        board.subscribe(&[Channel::Events]).await.unwrap(),
        board.subscribe(&[Channel::Insert, Channel::Events]).await.unwrap(),
    ];
    for number in 0..200 {
        board.publish(&marker(number)).await.unwrap();
    }
    for listener in &mut listeners {
        for number in 0..200 {
            assert_eq!(notice(listener).await, marker(number));
        }
    }
}

pub(crate) async fn a_subscription_receives_only_its_channels(board: &Subject) {
    let mut inserts = board.subscribe(&[Channel::Insert]).await.unwrap();
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    let mut both = board.subscribe(&[Channel::Insert, Channel::Events]).await.unwrap();
    board.publish(&marker(1)).await.unwrap();
    board.submit(&[7]).await;
    board.publish(&marker(2)).await.unwrap();
    let insert = Message::Insert("7".to_owned());
    assert_eq!(heard(&mut inserts).await, insert);
    assert_eq!(notice(&mut events).await, marker(1));
    assert_eq!(notice(&mut events).await, marker(2));
    for expected in [Message::Notice(marker(1)), insert, Message::Notice(marker(2))] {
        assert_eq!(heard(&mut both).await, expected);
    }
}

pub(crate) async fn the_subscription_of_a_slow_subscriber_ends(board: &Subject) {
    const FLOOD: u32 = 20_000;
    let subscription = board.subscribe(&[Channel::Insert]).await.unwrap();
    board.flood_insert(FLOOD).await;
    let before_the_end = end(subscription).await;
    assert!(before_the_end < FLOOD as usize / 2, "{before_the_end} messages were kept");
    // And can listen again.
    let mut again = board.subscribe(&[Channel::Insert]).await.unwrap();
    board.submit(&[7]).await;
    assert_eq!(heard(&mut again).await, Message::Insert("7".to_owned()));
}
