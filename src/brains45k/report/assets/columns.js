// Unpacks the rows that a data file brings: window.brains45k becomes columns that answer by row.
(function () {
  "use strict";

  const report = (window.brains45kReport = window.brains45kReport || {});

  // Each text shares its first characters with the text before it; a mark stands for what another column says.
  function unpackText(packed, columns) {
    const marks = packed.marks.map(([mark, name]) => [mark, columns.get(name)]).reverse();
    const texts = new Array(packed.rest.length);
    let last = "";
    for (let row = 0; row < texts.length; row++) {
      last = last.slice(0, packed.shared[row]) + packed.rest[row];
      texts[row] = last;
      for (const [mark, column] of marks) {
        if (last.includes(mark)) texts[row] = texts[row].split(mark).join(column.text(row));
      }
    }
    return texts;
  }

  function ranksOf(texts) {
    const order = Uint32Array.from(texts.keys()).sort((a, b) => (texts[a] < texts[b] ? -1 : texts[a] > texts[b] ? 1 : 0));
    const ranks = new Float64Array(texts.length);
    order.forEach((row, rank) => (ranks[row] = rank));
    return ranks;
  }

  function textColumn(packed, rowCount, columns) {
    const texts = unpackText(packed, columns);
    let ranks = null;
    return {
      text: (row) => texts[row],
      ranks: () => (ranks = ranks || ranksOf(texts)),
      matcher: (value) => (row) => texts[row] === value,
      values: [],
    };
  }

  // Code 0 stands for "nothing is known"; the others count the values, which are sorted.
  function codesOf(packed, rowCount) {
    if (packed.characters) {
      const codeOf = new Map(Array.from(packed.characters, (character, code) => [character, code]));
      return Uint32Array.from(packed.codes, (character) => codeOf.get(character));
    }
    if (!packed.rows) return Uint32Array.from(packed.codes);
    const codes = new Uint32Array(rowCount);
    packed.rows.forEach((row, place) => (codes[row] = packed.codes[place]));
    return codes;
  }

  function codedColumn(packed, rowCount) {
    const codes = codesOf(packed, rowCount);
    const values = packed.values;
    return {
      text: (row) => (codes[row] ? values[codes[row] - 1] : ""),
      ranks: () => Float64Array.from(codes, (code) => code || NaN),
      matcher: (value) => {
        const code = value === "" ? 0 : values.indexOf(value) + 1 || -1;
        return (row) => codes[row] === code;
      },
      // Whether one of the words of the value is this one.
      wordMatcher: (word) => {
        const having = new Set();
        values.forEach((value, place) => value.split(" ").includes(word) && having.add(place + 1));
        return (row) => having.has(codes[row]);
      },
      values,
      codes,
    };
  }

  function numberColumn(packed) {
    const numbers = Float64Array.from(packed.numbers, (number) => (number === null ? NaN : number));
    return {
      text: (row) => (Number.isNaN(numbers[row]) ? "" : String(numbers[row])),
      number: (row) => numbers[row],
      ranks: () => numbers,
      matcher: (value) => (row) => String(numbers[row]) === value,
      values: [],
    };
  }

  const FORMS = { text: textColumn, codes: codedColumn, numbers: numberColumn };

  // Texts come last, because they are made of other columns; the order of the page stays.
  function unpackColumns(data) {
    const columns = new Map(data.columns.map((packed) => [packed.name, null]));
    const isText = (packed) => packed.form === "text";
    const ordered = [...data.columns.filter((packed) => !isText(packed)), ...data.columns.filter(isText)];
    for (const packed of ordered) {
      const own = { name: packed.name, title: packed.title, isNumber: packed.form === "numbers", isShown: packed.shown };
      columns.set(packed.name, Object.assign(FORMS[packed.form](packed, data.row_count, columns), own));
    }
    return columns;
  }

  // One lower-case text per row, made when somebody first searches.
  function haystacks(table, names) {
    const columns = names.map((name) => table.columns.get(name));
    return Array.from({ length: table.rowCount }, (_, row) =>
      columns.map((column) => column.text(row)).join("\n").toLowerCase()
    );
  }

  report.unpack = function (data) {
    const columns = unpackColumns(data);
    const table = {
      source: data.source,
      rowCount: data.row_count,
      chunkRows: data.chunk_rows,
      threshold: data.outlier_threshold,
      sentences: new Map(Object.entries(data.sentences)),
      columns,
      text: (name, row) => columns.get(name).text(row),
      rowOf: (volumeId) => {
        const isIt = columns.get("volume_id").matcher(volumeId);
        for (let row = 0; row < data.row_count; row++) if (isIt(row)) return row;
        return -1;
      },
    };
    let searched = null;
    table.searched = () => (searched = searched || haystacks(table, data.searched));
    return table;
  };
})();
