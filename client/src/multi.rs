//! Many entries at once.

use proto::frame::{
    ErrorCode, MAX_MULTI_ITEMS, REQUEST_HEADER_BYTES, encode_multi_get, encode_multi_put, multi_get_item_bytes,
    multi_put_item_bytes,
};
use proto::{Key, ValueType};

use crate::client::key;
use crate::pipeline::Pending;
use crate::reply::Reply;
use crate::value::{Value, pack};
use crate::{Client, Error, InvalidInput};

/// A request is closed before it would exceed this many bytes, so that no request delays others for long. A single item
/// may be larger.
const TARGET_BYTES: usize = 256 << 10;

/// Many entries, of mixed types.
///
/// The items are executed in order, each on its own: other clients may see some of them applied and others not, and a
/// failed item does not stop the others. Hence there is a result for each item. The outer error means that an argument
/// was invalid and nothing was sent. There may be any number of items: they are split into as many requests as needed,
/// sent one right after the other, none larger than the server accepts. An item that alone is too large gets
/// [`InvalidInput::TooLarge`]. Before the first connection, when the server's limit is not known yet, all items of a
/// request may get it.
impl Client {
    /// The values of these entries, in the same order; `None` for those that do not exist.
    ///
    /// Values that do not fit into one reply of the server (64 MiB) are requested again, so only this program's memory
    /// limits their total size.
    pub async fn multi_get<K: AsRef<str>>(
        &self,
        entries: impl IntoIterator<Item = (ValueType, K)>,
    ) -> Result<Vec<Result<Option<Value>, Error>>, Error> {
        let names: Vec<(ValueType, K)> = entries.into_iter().collect();
        let keys: Result<Vec<_>, InvalidInput> =
            names.iter().map(|(ty, name)| Ok((*ty, key(name.as_ref())?))).collect();
        let keys = keys?;
        let mut results = self.multi_get_once(&keys).await;
        loop {
            let left: Vec<usize> = (0..results.len()).filter(|at| did_not_fit(&results[*at])).collect();
            let again: Vec<_> = left.iter().map(|at| keys[*at]).collect();
            let more = self.multi_get_once(&again).await;
            // The first value alone always fits; do not retry forever if a server denies that.
            let progress = more.first().is_some_and(|first| !did_not_fit(first));
            left.into_iter().zip(more).for_each(|(at, result)| results[at] = result);
            if !progress {
                return Ok(results);
            }
        }
    }

    /// Stores these values, in order.
    pub async fn multi_put<K: AsRef<str>, V: Into<Value>>(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let entries: Result<Vec<(K, proto::Value)>, InvalidInput> =
            entries.into_iter().map(|(name, value)| Ok((name, pack(value.into())?))).collect();
        let entries = entries?;
        let items: Result<Vec<(Key<'_>, &proto::Value)>, InvalidInput> =
            entries.iter().map(|(name, value)| Ok((key(name.as_ref())?, value))).collect();
        let items = items?;
        let size = |(key, value): &(Key<'_>, &proto::Value)| multi_put_item_bytes(*key, value.as_value_ref());
        let mut sent = Vec::new();
        for (chunk, bytes) in chunks(&items, self.most_bytes(), size) {
            let values = chunk.iter().map(|(key, value)| (*key, value.as_value_ref()));
            let pending = self.pipeline().send(bytes, |out, id| encode_multi_put(out, id, self.durable, values));
            sent.push((chunk.len(), pending.await));
        }
        let results = collect(sent, "multi-put").await.into_iter();
        let done = |result: Result<Reply, Error>| match result? {
            Reply::Done => Ok(()),
            _ => Reply::unexpected("multi-put"),
        };
        Ok(results.map(done).collect())
    }

    /// Maximum size of a request with more than one item.
    fn most_bytes(&self) -> usize {
        TARGET_BYTES.min(self.pipeline().max_frame())
    }

    async fn multi_get_once(&self, keys: &[(ValueType, Key<'_>)]) -> Vec<Result<Option<Value>, Error>> {
        let mut sent = Vec::new();
        for (chunk, bytes) in chunks(keys, self.most_bytes(), |(_, key)| multi_get_item_bytes(*key)) {
            let pending = self.pipeline().send(bytes, |out, id| encode_multi_get(out, id, chunk.iter().copied()));
            sent.push((chunk.len(), pending.await));
        }
        let results = collect(sent, "multi-get").await.into_iter().zip(keys);
        let value = |(result, (ty, _)): (Result<Reply, Error>, &(ValueType, Key<'_>))| match result? {
            Reply::NoEntry => Ok(None),
            Reply::Value(value) if value.value_type() == *ty => Ok(Some(value.into())),
            _ => Reply::unexpected("multi-get"),
        };
        results.map(value).collect()
    }
}

/// Whether there was no room for this value in the reply to a multi-get.
fn did_not_fit(result: &Result<Option<Value>, Error>) -> bool {
    matches!(result, Err(Error::Refused { code: ErrorCode::TooLarge, .. }))
}

/// Splits items into requests of at most `most` bytes, or of one item; each with its size in bytes.
fn chunks<T>(items: &[T], most: usize, size: impl Fn(&T) -> usize) -> Vec<(&[T], usize)> {
    let (mut chunks, mut start, mut bytes) = (Vec::new(), 0, REQUEST_HEADER_BYTES);
    for (at, item) in items.iter().enumerate() {
        let size = size(item);
        if at > start && (at - start == MAX_MULTI_ITEMS || bytes + size > most) {
            chunks.push((&items[start..at], bytes));
            (start, bytes) = (at, REQUEST_HEADER_BYTES);
        }
        bytes += size;
    }
    if start < items.len() {
        chunks.push((&items[start..], bytes));
    }
    chunks
}

/// Waits for the replies to requests with these numbers of items. An error of a request is the error of each of its
/// items.
async fn collect(sent: Vec<(usize, Result<Pending<'_>, Error>)>, request: &'static str) -> Vec<Result<Reply, Error>> {
    let mut results = Vec::new();
    for (items, pending) in sent {
        let reply = match pending {
            Ok(pending) => pending.reply().await,
            Err(error) => Err(error),
        };
        let error = match reply {
            Ok(Reply::Many(replies)) if replies.len() == items => {
                results.extend(replies);
                continue;
            }
            Ok(_) => Reply::unexpected::<()>(request).unwrap_err(),
            Err(error) => error,
        };
        results.extend((0..items).map(|_| Err(error.clone())));
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_hold_no_more_than_they_may_and_no_item_is_lost() {
        let sizes = [TARGET_BYTES, 10, TARGET_BYTES * 2, 20, 30, TARGET_BYTES - REQUEST_HEADER_BYTES - 50, 1];
        let found: Vec<Vec<usize>> =
            chunks(&sizes, TARGET_BYTES, |size| *size).into_iter().map(|(items, _)| items.to_vec()).collect();
        assert_eq!(
            found,
            [sizes[..1].to_vec(), sizes[1..2].to_vec(), sizes[2..3].to_vec(), sizes[3..6].to_vec(), vec![1]]
        );
        let many = vec![0; 2 * MAX_MULTI_ITEMS + 1];
        let found: Vec<usize> =
            chunks(&many, TARGET_BYTES, |size| *size).iter().map(|(items, _)| items.len()).collect();
        assert_eq!(found, [MAX_MULTI_ITEMS, MAX_MULTI_ITEMS, 1]);
        assert!(chunks(&[], TARGET_BYTES, |size: &usize| *size).is_empty());
    }
}
